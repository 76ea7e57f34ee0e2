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
    top of the second. So a key's split does not depend on the others. Only where there are so few
    keys that a split of positive fraction would stay empty, ranks take the place of positions and
    each such split gets at least one. Raises CorpusError with fewer keys than splits.
    """
    ranked = sorted(set(keys), key=lambda key: (position(seed, key), key))
    wanted = {"train"} | {name for name, fraction in (low, high) if fraction > 0}
    if len(ranked) < len(wanted):
        raise CorpusError(
            f"{len(ranked)} separable texts cannot fill the {len(wanted)} splits "
            f"{', '.join(sorted(wanted))}; add files or documents"
        )
    lows = sum(position(seed, key) < low[1] for key in ranked)
    highs = sum(position(seed, key) >= 1 - high[1] for key in ranked)
    if (low[1] > 0 and not lows) or (high[1] > 0 and not highs) or lows + highs == len(ranked):
        lows, highs = (max(f > 0, round(f * len(ranked))) for _, f in (low, high))
        lows = min(lows, len(ranked) - 1 - (highs > 0))
        highs = min(highs, len(ranked) - 1 - lows)
    names = [low[0]] * lows + ["train"] * (len(ranked) - lows - highs) + [high[0]] * highs
    return dict(zip(ranked, names, strict=True))
