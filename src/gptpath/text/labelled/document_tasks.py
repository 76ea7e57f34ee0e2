"""Tasks about whole documents: which package, which summary, same text or not, TL;DR.

Each function yields blocks of items that belong together (a positive with its negative), in the
order in which they should be taken; items about one document come from its own split only.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence

from gptpath.text.labelled.held_out import HeldOut, Item, cut, fit, fit_last
from gptpath.text.labelled.prose import words_of

TEXT_CHARS = 320
"""Most characters of a single text: the shortest context, 128 tokens, holds it."""
PREMISE_CHARS, HYPOTHESIS_CHARS = 220, 120
HALF_CHARS = 160
LEAST_CHARS = 40

Block = list[Item]

_SAME_WORDS = 0.5
"""Summaries that share more of their words than this are not told apart."""


def package_names(held: Sequence[HeldOut], most_items: int) -> tuple[str, ...]:
    """Groups with enough documents to be classes, by name; empty if fewer than two."""
    sizes = Counter(one.document.group for one in held)
    least = max(20, most_items // max(len(sizes), 1) // 4)
    names = sorted(group for group, size in sizes.items() if size >= least)
    return tuple(names) if len(names) > 1 else ()


def package(held: Sequence[HeldOut], names: Sequence[str], most_items: int) -> Iterator[Block]:
    """Yield one item a document: its beginning without the packages' names, its group as label.

    All classes are cut to the size of the smallest.
    """
    members = {name: [h for h in held if h.document.group == name] for name in names}
    if not names:
        return
    per_class = min(most_items // len(names), *(len(m) for m in members.values()))
    written = _written_names(held, names)
    for place in range(per_class):
        for label, name in enumerate(names):
            one = members[name][place]
            text = cut(written.sub("", one.text).strip(), TEXT_CHARS)
            yield [_item(one, text=text, label=label)]


def _written_names(held: Sequence[HeldOut], names: Sequence[str]) -> re.Pattern[str]:
    """The groups' names, and the top module that most documents of a group are in."""
    tops: dict[str, Counter[str]] = defaultdict(Counter)
    for one in held:
        tops[one.document.group][re.split(r"[.:/#]", one.document.location)[0]] += 1
    words = set(names)
    for name in names:
        top, count = tops[name].most_common(1)[0]
        if count > tops[name].total() / 2:
            words.add(top)
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    patterns = (
        # A name of one or two letters is in too many other words.
        rf"\b{re.escape(word)}\b" if len(word) < 3 else re.escape(word)
        for word in longest_first
    )
    return re.compile(rf"(?:Py)?(?:{'|'.join(patterns)})", re.IGNORECASE)


def entailment(held: Sequence[HeldOut]) -> Iterator[Block]:
    """Yield (body, its summary, 1) and (body, summary of another document of the group, 0).

    Every summary serves once for each label, so neither sentence alone tells the answer.
    """
    eligible = [h for h in held if _has_short_summary(h)]
    for one, other in _neighbours(eligible, _tell_apart):
        premise = fit(one.prose.body, PREMISE_CHARS)
        yield [
            _item(one, premise=premise, hypothesis=one.prose.summary, label=1),
            _item(one, premise=premise, hypothesis=other.prose.summary, label=0),
        ]


def _tell_apart(one: HeldOut, other: HeldOut) -> bool:
    a, b = ({word.lower() for word in words_of(h.prose.summary or "")} for h in (one, other))
    return len(a & b) <= _SAME_WORDS * min(len(a), len(b))


def summary(held: Sequence[HeldOut]) -> Iterator[Block]:
    """Yield (body, its summary, 1) and (body, a sentence of another body of the group, 0).

    Unlike in `entailment`, the hypothesis alone tells much: summary lines have a manner of their
    own. A model too small to compare two texts can learn it.
    """
    eligible = [h for h in held if _has_short_summary(h)]
    for one, other in _neighbours(eligible, lambda a, b: _like_summary(b, a) is not None):
        premise = fit(one.prose.body, PREMISE_CHARS)
        yield [
            _item(one, premise=premise, hypothesis=one.prose.summary, label=1),
            _item(one, premise=premise, hypothesis=_like_summary(other, one), label=0),
        ]


def _has_short_summary(one: HeldOut) -> bool:
    return (
        one.prose.summary is not None
        and len(one.prose.summary) <= HYPOTHESIS_CHARS
        and len(" ".join(one.prose.body)) >= LEAST_CHARS
    )


def _like_summary(other: HeldOut, one: HeldOut) -> str | None:
    """The sentence of `other`'s body nearest in length to the summary of `one`."""
    sentences = [s for s in other.prose.body if len(s) <= HYPOTHESIS_CHARS]
    wanted = len(one.prose.summary or "")
    return min(sentences, key=lambda s: (abs(len(s) - wanted), s), default=None)


def similarity(held: Sequence[HeldOut]) -> Iterator[Block]:
    """Yield what stands before and after a document's middle, and before with another's after."""
    halves: dict[int, tuple[str, str]] = {}
    eligible: list[HeldOut] = []
    for one in held:
        sentences = one.prose.sentences
        middle = len(sentences) // 2
        if middle:
            half = fit_last(sentences[:middle], HALF_CHARS), fit(sentences[middle:], HALF_CHARS)
            if min(map(len, half)) >= LEAST_CHARS:
                halves[id(one)] = half
                eligible.append(one)
    for one, other in _neighbours(eligible, lambda a, b: halves[id(a)][1] != halves[id(b)][1]):
        first, second = halves[id(one)]
        yield [
            _item(one, text_a=first, text_b=second, label=1),
            _item(one, text_a=first, text_b=halves[id(other)][1], label=0),
        ]


def tldr(held: Sequence[HeldOut]) -> Iterator[Block]:
    """Yield the body of a document as article and the author's summary line as its summary."""
    for one in held:
        body = one.prose.body
        if one.prose.summary is not None and len(body) >= 2:
            article = fit(body, TEXT_CHARS)
            if len(article) >= 2 * LEAST_CHARS:
                yield [_item(one, article=article, summary=one.prose.summary)]


def _item(one: HeldOut, **columns: str | int | None) -> Item:
    return Item(held=one, columns=columns)


def _neighbours(
    held: Sequence[HeldOut], differ: Callable[[HeldOut, HeldOut], bool]
) -> Iterator[tuple[HeldOut, HeldOut]]:
    """Pair each with the next one of its group and split, round about, if they differ."""
    circles: dict[tuple[str, str], list[HeldOut]] = defaultdict(list)
    for one in held:
        circles[one.split, one.document.group].append(one)
    following = {
        id(one): circle[(place + 1) % len(circle)]
        for circle in circles.values()
        for place, one in enumerate(circle)
    }
    for one in held:
        other = following[id(one)]
        if other is not one and differ(one, other):
            yield one, other
