"""Tasks about what comes next: the true continuation among others, the true wording of it.

Each function yields blocks of items in the order in which they should be taken.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

from gptpath.text.labelled.held_out import HeldOut, Item, chance, fit_last
from gptpath.text.labelled.sentence_tasks import (
    LEAST_CONTEXT_CHARS,
    SENTENCE_CHARS,
    Block,
    corrupt,
    in_rounds,
)

CHOICES = 4
CONTEXT_CHARS = 200
WORDING_CONTEXT_CHARS, WORDING_CHARS = 90, 110
"""`wording` is short: each item costs a fine-tuned model four sequences."""
_TRIES = 12
"""Corruptions drawn before a sentence is given up as too short to have three different ones."""


def continuation(held: Sequence[HeldOut], seed: int) -> Iterator[Block]:
    """Yield a context, its true next sentence and three of like length from other documents."""
    found = {id(one): list(_next_sentences(one)) for one in held}
    pools: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
    for one in held:
        for _, sentence in found[id(one)][:1]:
            pools[one.split].append((len(sentence), sentence, one.document.id))
    for pool in pools.values():
        pool.sort()

    def choices(one: HeldOut) -> Iterator[Block]:
        for context, sentence in found[id(one)]:
            rng = chance(seed, "continuation", one.document.id, sentence)
            others = _like_length(pools[one.split], sentence, one.document.id, rng)
            if others is not None:
                yield [_among(others, one, context, sentence, rng)]

    return in_rounds(held, choices)


def _next_sentences(one: HeldOut) -> Iterator[tuple[str, str]]:
    for run in one.prose.runs:
        for place in range(1, len(run)):
            context = fit_last(run[:place], CONTEXT_CHARS)
            if len(context) >= LEAST_CONTEXT_CHARS and 25 <= len(run[place]) <= SENTENCE_CHARS:
                yield context, run[place]


def _like_length(
    pool: Sequence[tuple[int, str, str]], sentence: str, document: str, rng: random.Random
) -> list[str] | None:
    """Three sentences of other documents among the 40 nearest to `sentence` in length."""
    nearest = sorted(pool, key=lambda entry: abs(entry[0] - len(sentence)))[:40]
    others = sorted({s for _, s, owner in nearest if owner != document and s != sentence})
    return rng.sample(others, CHOICES - 1) if len(others) >= CHOICES - 1 else None


def wording(held: Sequence[HeldOut], seed: int) -> Iterator[Block]:
    """Yield the sentence before, the next one as its author wrote it, and three corruptions of it.

    The corruptions are those of `acceptability`, so all choices have the same words or nearly so.
    """

    def choices(one: HeldOut) -> Iterator[Block]:
        for run in one.prose.runs:
            for context, sentence in pairwise(run):
                if len(context) > WORDING_CONTEXT_CHARS or len(sentence) > WORDING_CHARS:
                    continue
                rng = chance(seed, "wording", one.document.id, sentence)
                others = _corruptions(sentence, one.prose.sentences, rng)
                if others is not None:
                    yield [_among(others, one, context, sentence, rng)]

    return in_rounds(held, choices)


def _among(
    others: Sequence[str], one: HeldOut, context: str, sentence: str, rng: random.Random
) -> Item:
    """The true next sentence at a random place among the others."""
    choices, label = list(others), rng.randrange(CHOICES)
    choices.insert(label, sentence)
    return Item(held=one, columns={"context": context, "choices": choices, "label": label})


def _corruptions(sentence: str, others: Sequence[str], rng: random.Random) -> list[str] | None:
    """Three different corruptions of `sentence`; None where it does not offer as many."""
    drawn = (corrupt(sentence, others, rng) for _ in range(_TRIES))
    different = list(dict.fromkeys(text for text in drawn if text is not None))
    return different[: CHOICES - 1] if len(different) >= CHOICES - 1 else None
