"""What labelled tasks are derived from: held-out documents, their prose, and their item split."""

import hashlib
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from gptpath.text.documents import FILES, Document
from gptpath.text.labelled.prose import Prose, prose_of
from gptpath.text.labelled.task_files import SPLITS
from gptpath.text.splits import position

TRAIN_SHARE, TEST_SHARE = 0.7, 0.2
"""Shares of documents whose items are for training and for testing; the rest is validation."""


WINDOW_SENTENCES = 12
"""Sentences of a book that serve as one passage; a docstring is a passage as it is."""

COMMON = 3
"""A sentence that so many passages share is boilerplate and belongs to none of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """One passage of the `tasks` split: a docstring, or a window of a book."""

    document: Document
    text: str
    """The docstring with its layout, or the window's sentences."""
    prose: Prose
    split: str
    """train, validation or test: all its items, and all text in them, come from one split."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """A labelled item before it gets its id."""

    held: HeldOut
    columns: Mapping[str, Any]


def hold_out(documents: Iterable[Document], *, seed: int) -> list[HeldOut]:
    """Cut documents into passages and assign each document to an item split, by rank.

    The result is in an order as good as random, fixed by the seed.
    """
    ranked = sorted(documents, key=lambda d: (position(seed, f"items\0{d.id}"), d.id))
    train_end, test_begin = (round(x * len(ranked)) for x in (TRAIN_SHARE, 1 - TEST_SHARE))
    held = [
        HeldOut(
            document=document,
            text=document.text if document.kind != FILES else " ".join(prose.sentences),
            prose=prose,
            split=SPLITS[(rank >= train_end) + (rank >= test_begin)],
        )
        for rank, document in enumerate(ranked)
        for prose in _passages(document)
    ]
    order = {id(h): position(seed, f"order\0{n}\0{h.document.id}") for n, h in enumerate(held)}
    return _without_common(sorted(held, key=lambda h: order[id(h)]))


def _passages(document: Document) -> list[Prose]:
    prose = prose_of(document)
    if document.kind != FILES:
        return [prose]
    passages: list[Prose] = []
    window: list[list[str]] = []
    for run in prose.runs:
        for start in range(0, len(run), WINDOW_SENTENCES):
            window.append(run[start : start + WINDOW_SENTENCES])
            if sum(map(len, window)) >= WINDOW_SENTENCES:
                passages.append(Prose(summary=None, runs=window))
                window = []
    return passages


def _without_common(held: list[HeldOut]) -> list[HeldOut]:
    counts = Counter(sentence for h in held for sentence in set(h.prose.sentences))
    kept: list[HeldOut] = []
    for one in held:
        runs: list[list[str]] = []
        for run in one.prose.runs:
            for common, part in groupby(run, lambda sentence: counts[sentence] >= COMMON):
                if not common:
                    runs.append(list(part))
        summary = one.prose.summary
        if summary is not None and counts[summary] >= COMMON:
            summary = None
        kept.append(replace(one, prose=Prose(summary=summary, runs=runs)))
    return kept


def by_split(held: Iterable[HeldOut]) -> dict[str, list[HeldOut]]:
    """Documents by item split, order kept."""
    groups: dict[str, list[HeldOut]] = {split: [] for split in SPLITS}
    for one in held:
        groups[one.split].append(one)
    return groups


def chance(seed: int, *parts: object) -> random.Random:
    """A generator of random choices of its own for each place that needs some."""
    return random.Random("\0".join(map(str, (seed, *parts))))


def with_ids(task: str, blocks: Iterable[Sequence[Item]]) -> list[dict[str, Any]]:
    """Items as rows with an id that depends on the task and on the content of their block only.

    Items of one block follow each other in id order, so that a limit keeps pairs together.
    """
    rows: list[dict[str, Any]] = []
    for block in blocks:
        content = [[item.held.document.id, sorted(item.columns.items())] for item in block]
        digest = hashlib.blake2b(f"{task}\0{content!r}".encode(), digest_size=8).hexdigest()
        for place, item in enumerate(block):
            keys = {
                "id": f"{digest}-{place}",
                "document": item.held.document.id,
                "split": item.held.split,
            }
            rows.append(keys | dict(item.columns))
    return rows


def fit(sentences: Sequence[str], most_chars: int) -> str:
    """The first sentences that fit in `most_chars` together; cut if the first alone does not."""
    text = ""
    for sentence in sentences:
        longer = f"{text} {sentence}".strip()
        if len(longer) > most_chars:
            break
        text = longer
    return text or cut(sentences[0], most_chars)


def fit_last(sentences: Sequence[str], most_chars: int) -> str:
    """The last sentences that fit in `most_chars` together; empty if the last alone does not."""
    text = ""
    for sentence in reversed(sentences):
        longer = f"{sentence} {text}".strip()
        if len(longer) > most_chars:
            break
        text = longer
    return text


def cut(text: str, most_chars: int) -> str:
    """`text` cut at a blank, at most `most_chars` long."""
    if len(text) <= most_chars:
        return text
    head = text[:most_chars]
    return head if text[most_chars].isspace() else head.rsplit(None, 1)[0]
