"""Three splits out of fewer, rows that two splits share, and samples: all by hashes of rows."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gptpath.config.data_sets import TEXTS, DataKind
from gptpath.finetune.reading.collect import Items, texts_of

SPLITS = ("train", "validation", "test")
PAIRS = (("train", "validation"), ("train", "test"), ("validation", "test"))


def carve(
    items: Items, *, fraction: float, most: int | None, kind: DataKind, salt: str
) -> tuple[Items, Items]:
    """(the rest, about `fraction` of the items and hardly more than `most`), both in their order.

    Items of one first text (a premise, a passage) stay together, so that a model is not judged on
    a passage that it was trained on. Which go is decided by hashes of those texts alone.
    """
    groups: dict[str, list[int]] = defaultdict(list)
    first = TEXTS[kind][0]
    for place, item in enumerate(items):
        groups[" ".join(str(item[first]).lower().split())].append(place)
    wanted = min(round(fraction * len(items)), len(items) if most is None else most)
    taken: set[int] = set()
    for text in sorted(groups, key=lambda text: _hash(salt, text)):
        if len(taken) >= max(1, wanted):
            break
        taken.update(groups[text])
    rest = [item for place, item in enumerate(items) if place not in taken]
    return rest, [items[place] for place in sorted(taken)]


def sample(items: Sequence[Mapping[str, Any]], most: int | None) -> list[Mapping[str, Any]]:
    """At most `most` items, chosen by hashes of their ids, in their order."""
    if most is None or len(items) <= most:
        return list(items)
    ranked = sorted(range(len(items)), key=lambda i: _hash("sample", str(items[i]["id"])))
    return [items[i] for i in sorted(ranked[:most])]


def shared_rows(splits: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, int]:
    """`train/test` and so on -> rows of the first whose texts are in the second; zeros left out."""
    keys = {split: [texts_of(item) for item in items] for split, items in splits.items()}
    known = {split: set(of_split) for split, of_split in keys.items()}
    counts = {
        f"{one}/{other}": sum(key in known[other] for key in keys[one]) for one, other in PAIRS
    }
    return {pair: count for pair, count in counts.items() if count}


def without_later_rows(splits: Mapping[str, Items]) -> tuple[dict[str, Items], dict[str, int]]:
    """The splits without rows whose texts a later split has too, and how many went from each."""
    seen: set[tuple[str, ...]] = set()
    kept: dict[str, Items] = {}
    for split in reversed(SPLITS):
        keyed = [(texts_of(item), item) for item in splits[split]]
        kept[split] = [item for key, item in keyed if key not in seen]
        seen.update(key for key, _ in keyed)
    dropped = {split: len(splits[split]) - len(kept[split]) for split in SPLITS}
    return (
        {split: kept[split] for split in SPLITS},
        {split: count for split, count in dropped.items() if count},
    )


def _hash(salt: str, text: str) -> bytes:
    return hashlib.blake2b(f"{salt}\0{text}".encode(), digest_size=8).digest()
