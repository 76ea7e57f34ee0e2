"""Which split a document belongs to: a function of the seed and of its own key."""

import hashlib
from collections.abc import Iterable

from gptpath.errors import CorpusError


def position(seed: int, key: str) -> float:
    """A number in [0, 1) that is as good as random and fixed by seed and key."""
    digest = hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def assign_splits(
    keys: Iterable[str], *, seed: int, low: tuple[str, float], high: tuple[str, float]
) -> dict[str, str]:
    """Map each key to `low`'s name, `high`'s name or "train".

    `low` and `high` are (name, fraction): keys with a position below the first fraction, or in the
    top of the second. So a key's split does not depend on the others, with one exception: where
    there are so few keys that a split of positive fraction would stay empty, it takes the key with
    the nearest position. Raises CorpusError if that leaves nothing for a split.
    """
    places = sorted((position(seed, key), key) for key in set(keys))
    splits = {
        key: low[0] if place < low[1] else high[0] if place >= 1 - high[1] else "train"
        for place, key in places
    }
    if not places:
        raise CorpusError("no documents to split; nothing was read or everything was dropped")
    if low[1] > 0 and low[0] not in splits.values():
        splits[places[0][1]] = low[0]
    if high[1] > 0 and high[0] not in splits.values():
        splits[places[-1][1]] = high[0]
    wanted = {"train"} | {name for name, fraction in (low, high) if fraction > 0}
    missing = wanted - set(splits.values())
    if missing:
        raise CorpusError(
            f"{len(places)} separable texts cannot fill the splits {sorted(wanted)}: "
            f"{sorted(missing)} would be empty; add files or documents"
        )
    return splits
