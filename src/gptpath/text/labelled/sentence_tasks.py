"""Tasks about sentences: natural or not, the last word, a missing word.

Each function yields blocks of items that belong together, in the order in which they should be
taken: the first item of every document before the second of any.
"""

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from gptpath.text.labelled.held_out import HeldOut, Item, chance, fit_last
from gptpath.text.labelled.prose import words_of

Block = list[Item]
T = TypeVar("T")

PER_DOCUMENT = 3
"""Most items (or pairs) of one task from one passage."""
SENTENCE_CHARS = 150
PASSAGE_CHARS = 260
LEAST_CONTEXT_CHARS = 50
CANDIDATES = 10


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FUNCTION_WORDS = _words(
    """a an the this that these those it its is are was were be been being am do does did done has
    have had having will would shall should can could may might must not no nor and or but if then
    than as of in on at by for from to into onto over under with without within about between
    through during before after above below up down out off again so such only own same too very
    just also each every any all some both few more most other which who whom whose what when where
    why how there here he she they we you i him her them us me his their our your my one two
    because while until against per via used using"""
)
_ENDINGS = ("ing", "ed", "ly", "ion", "ions", "s", "er", "al")

_MISPLACEABLE = _words(
    "a an the of in on at by for from to into with its this these is are be was were"
)
"""Function words that are wrong nearly wherever they were not written."""


def acceptability(held: Sequence[HeldOut], seed: int) -> Iterator[Block]:
    """Yield pairs: a natural sentence (1) and the same one with its words corrupted (0)."""

    def pairs(one: HeldOut) -> Iterator[Block]:
        rng = chance(seed, "acceptability", one.document.id, one.prose.sentences[0])
        for sentence in _shuffled(one.prose.body, rng):
            corrupted = corrupt(sentence, one.prose.sentences, rng)
            if len(sentence) <= SENTENCE_CHARS and corrupted is not None:
                pair = _pair_name(one, sentence)
                yield [
                    Item(held=one, columns={"text": text, "label": label, "pair": pair})
                    for text, label in ((sentence, 1), (corrupted, 0))
                ]

    return in_rounds(held, pairs)


def _pair_name(one: HeldOut, sentence: str) -> str:
    """A name that no other pair has, of another passage of the same book either."""
    place = f"{one.prose.sentences[0]}\0{sentence}"
    return f"{one.document.id}:{hashlib.blake2b(place.encode(), digest_size=8).hexdigest()}"


def corrupt(sentence: str, others: Sequence[str], rng: random.Random) -> str | None:
    """Swap two neighbours, shuffle a stretch, or put in a wrong word; None if nothing fits.

    First and last word stay, so that capital and full stop give nothing away.
    """
    words = sentence.split()
    for change in rng.sample((_swap, _shuffle, _wrong_word), 3):
        changed = change(words, others, rng)
        if changed is not None and changed != words:
            return " ".join(changed)
    return None


def _swap(words: list[str], others: Sequence[str], rng: random.Random) -> list[str] | None:
    """Swap a function word with the content word after it: `of arrays`, `arrays of`."""
    del others
    places = [
        i
        for i in range(1, len(words) - 2)
        if words[i] in _MISPLACEABLE
        and words[i + 1].islower()
        and words[i + 1].isalpha()
        and words[i + 1] not in FUNCTION_WORDS
    ]
    if not places:
        return None
    i = rng.choice(places)
    return [*words[:i], words[i + 1], words[i], *words[i + 2 :]]


def _shuffle(words: list[str], others: Sequence[str], rng: random.Random) -> list[str] | None:
    """Shuffle five words in a row until none keeps its place."""
    del others
    if len(words) < 8:
        return None
    start = rng.randrange(1, len(words) - 5)
    stretch = words[start : start + 5]
    if len(set(stretch)) < 5 or not all(word.replace("-", "").isalpha() for word in stretch):
        return None
    while True:
        mixed = rng.sample(stretch, 5)
        if all(a != b for a, b in zip(mixed, stretch, strict=True)):
            return [*words[:start], *mixed, *words[start + 5 :]]


def _wrong_word(words: list[str], others: Sequence[str], rng: random.Random) -> list[str] | None:
    """Put a content word of the same document where a function word stood."""
    pool = sorted({w for sentence in others for w in words_of(sentence) if is_content(w)})
    places = [i for i in range(1, len(words) - 1) if words[i] in _MISPLACEABLE]
    pool = [word for word in pool if word not in words]
    if not places or not pool:
        return None
    i = rng.choice(places)
    return [*words[:i], rng.choice(pool), *words[i + 1 :]]


def last_word(held: Sequence[HeldOut], seed: int) -> Iterator[Block]:
    """Yield passages without their last word, which has occurred before (LAMBADA's form)."""

    def passages(one: HeldOut) -> Iterator[Block]:
        sentences = one.prose.sentences
        rng = chance(seed, "last-word", one.document.id, sentences[0])
        for place in _shuffled(range(1, len(sentences)), rng):
            sentence = sentences[place]
            beginning, _, last = sentence.rpartition(" ")
            before = fit_last(sentences[:place], PASSAGE_CHARS)
            target = last.removesuffix(".")
            seen = {word.lower() for word in words_of(f"{before} {beginning}")}
            if (
                len(sentence) <= SENTENCE_CHARS
                and len(before) >= LEAST_CONTEXT_CHARS
                and last.endswith(".")
                and is_content(target, least=3)
                and target in seen
            ):
                context = f"{before} {beginning}"
                yield [Item(held=one, columns={"context": context, "target": target})]

    return in_rounds(held, passages)


def cloze(held: Sequence[HeldOut], seed: int) -> Iterator[Block]:
    """Yield a sentence with one content word missing, and ten candidates (CBT's form).

    Every candidate, the missing word too, occurs elsewhere in the document.
    """

    def gaps(one: HeldOut) -> Iterator[Block]:
        sentences = one.prose.sentences
        rng = chance(seed, "cloze", one.document.id, sentences[0])
        for place in _shuffled(range(1, len(sentences)), rng):
            context = fit_last(sentences[:place], PASSAGE_CHARS)
            gap = _gap(sentences, place, rng)
            if len(context) >= LEAST_CONTEXT_CHARS and gap is not None:
                (prefix, answer, suffix), others = gap
                label = rng.randrange(CANDIDATES)
                others.insert(label, answer)
                columns = {
                    "context": context,
                    "prefix": prefix,
                    "suffix": suffix,
                    "choices": others,
                    "label": label,
                }
                yield [Item(held=one, columns=columns)]

    return in_rounds(held, gaps)


def _gap(
    sentences: Sequence[str], place: int, rng: random.Random
) -> tuple[tuple[str, str, str], list[str]] | None:
    """((prefix, answer, suffix), nine distractors of the answer's ending where possible)."""
    sentence = sentences[place]
    inside = [word.lower() for word in words_of(sentence)]
    elsewhere = {
        word
        for other, text in enumerate(sentences)
        for word in words_of(text)
        if other != place and is_content(word)
    }
    answers = [w for w in words_of(sentence)[1:] if w in elsewhere and inside.count(w) == 1]
    if not answers or len(sentence) > SENTENCE_CHARS:
        return None
    answer = rng.choice(answers)
    strange = [w for w in sorted(elsewhere - set(inside)) if w[:4] != answer[:4]]
    if len(strange) < CANDIDATES - 1:
        return None
    rng.shuffle(strange)
    strange.sort(key=lambda word: _ending(word) != _ending(answer))
    others = strange[: CANDIDATES - 1]
    rng.shuffle(others)
    prefix, suffix = _around(sentence, answer)
    return (prefix, answer, suffix), others


def _around(sentence: str, word: str) -> tuple[str, str]:
    """What stands before and after `word`, which stands once as a word of its own."""
    pieces = sentence.split(" ")
    for place, piece in enumerate(pieces):
        if word in words_of(piece):
            inner, _, after = piece.partition(word)
            prefix = " ".join([*pieces[:place], inner])
            return prefix, " ".join([after, *pieces[place + 1 :]])
    raise AssertionError(f"{word!r} is not a word of {sentence!r}")


def is_content(word: str, least: int = 4) -> bool:
    """Whether a word is in lower case, long enough, and no function word."""
    return len(word) >= least and word.isalpha() and word.islower() and word not in FUNCTION_WORDS


def _ending(word: str) -> str:
    return next((ending for ending in _ENDINGS if word.endswith(ending)), "")


def _shuffled(values: Iterable[T], rng: random.Random) -> list[T]:
    values = list(values)
    rng.shuffle(values)
    return values


def in_rounds(
    held: Sequence[HeldOut], blocks: Callable[[HeldOut], Iterator[Block]]
) -> Iterator[Block]:
    """Yield the first blocks of all passages, then second ones, up to PER_DOCUMENT."""
    waiting = [blocks(one) for one in held if one.prose.sentences]
    for _ in range(PER_DOCUMENT):
        more: list[Iterator[Block]] = []
        for iterator in waiting:
            block = next(iterator, None)
            if block is not None:
                yield block
                more.append(iterator)
        waiting = more
