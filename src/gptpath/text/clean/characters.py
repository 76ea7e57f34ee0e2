"""Many texts as one array of code points, cut into words, lines and paragraphs without loops.

Everything that counts in texts is a sum over such an array, and things are compared by hashes that
come from one running sum over it, so the cost of a rule does not depend on how many things there
are to count.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from unicodedata import category

import numpy as np
import numpy.typing as npt
import polars as pl

Codes = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

CHUNK_CHARS = 1 << 18
"""Texts are taken together up to this size: the arrays of a chunk fit a processor's cache."""

_SPACE, _LETTER, _MARK = 1, 2, 4
_MARKS = ("Mn", "Mc", "Me")
"""Unicode's categories of combining marks."""
_BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so it has an inverse modulo 2**64."""
_INVERSE = np.uint64(pow(int(_BASE), -1, 1 << 64))
# Unlike _BASE and the step of n-grams, or the number of a text could pass for a letter.
_TEXT_SALT = np.uint64(0xD6E8FEB86659FD93)


@dataclass(frozen=True, kw_only=True, slots=True)
class Spans:
    """Stretches of characters, in order; none spans two texts."""

    start: Ints
    stop: Ints
    bounds: Ints
    """Those of text d are the entries bounds[d] to bounds[d + 1]."""

    @property
    def lengths(self) -> Ints:
        """Characters of each."""
        return self.stop - self.start

    @property
    def counts(self) -> Ints:
        """Spans of each text."""
        return np.diff(self.bounds)

    @property
    def texts(self) -> Ints:
        """The number of the text that each belongs to."""
        return np.repeat(np.arange(len(self.bounds) - 1), self.counts)

    def sums(self, values: npt.NDArray[np.generic]) -> Ints:
        """Sum of `values`, one a span, over each text."""
        return np.diff(_running_sum(values)[self.bounds])


@dataclass(frozen=True, kw_only=True, slots=True)
class Characters:
    """A chunk of texts laid out for counting."""

    codes: Codes
    """Code points; a line end follows each text."""
    sizes: Ints
    """Characters of each text."""
    words: Spans
    """What white space separates."""
    lines: Spans
    """Lines with anything to see."""
    paragraphs: Spans
    """What empty lines separate."""
    letters_before: Ints
    hash_before: Hashes

    def letters(self, spans: Spans) -> Ints:
        """Letters in each span."""
        return self.letters_before[spans.stop] - self.letters_before[spans.start]

    def hashes(self, spans: Spans) -> Hashes:
        """64 bits for each span that are equal for equal characters."""
        part = self.hash_before[spans.stop] - self.hash_before[spans.start]
        return part * _powers(_INVERSE, len(self.codes))[spans.start]


def in_chunks(texts: Sequence[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Neighbouring texts up to CHUNK_CHARS together, with the number of the first."""
    first = size = 0
    for i, text in enumerate(texts):
        if i > first and size + len(text) > CHUNK_CHARS:
            yield first, texts[first:i]
            first, size = i, 0
        size += len(text)
    if first < len(texts):
        yield first, texts[first:]


def lay_out(texts: Sequence[str]) -> Characters:
    """Cut normalised texts into words, lines and paragraphs."""
    codes = _code_points(texts)
    kinds = _kinds()[codes]
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    stops = np.cumsum(sizes + 1)
    starts = stops - sizes - 1
    edges = np.flatnonzero(np.diff((kinds & _SPACE) ^ _SPACE, prepend=0))
    words = _spans(edges[::2], edges[1::2], starts)
    line_stop = np.flatnonzero(codes == ord("\n"))
    line_start = np.concatenate(([0], line_stop[:-1] + 1))
    full = np.searchsorted(words.start, line_stop) > np.searchsorted(words.start, line_start)
    lines = _spans(line_start[full], line_stop[full], starts)
    return Characters(
        codes=codes,
        sizes=sizes,
        words=words,
        lines=lines,
        paragraphs=_paragraphs(lines, starts),
        letters_before=_running_sum((kinds & _LETTER) >> 1),
        hash_before=_running_hash(codes),
    )


def letter_shares(texts: Sequence[str]) -> Floats:
    """Share of letters among the visible characters of each text; 1 where there are none.

    Combining marks, such as the vowel signs of Hindi, belong to their letter and do not count.
    """
    shares = np.ones(len(texts))
    for first, chunk in in_chunks(texts):
        kinds = _kinds()[_code_points(chunk)]
        sizes = np.fromiter((len(text) + 1 for text in chunk), np.int64, len(chunk))
        starts = np.cumsum(sizes) - sizes
        letters = np.add.reduceat((kinds & _LETTER) >> 1, starts, dtype=np.int64)
        unseen = (kinds & (_SPACE | _MARK)) > 0
        visible = sizes - np.add.reduceat(unseen, starts, dtype=np.int64)
        part = shares[first : first + len(chunk)]
        np.divide(letters, visible, out=part, where=visible > 0)
    return shares


def seen_before(hashes: Hashes, texts: Ints) -> Flags:
    """Whether the same hash occurred earlier in the same text."""
    return ~pl.Series(by_text(hashes, texts)).is_first_distinct().to_numpy()


def by_text(hashes: Hashes, texts: Ints) -> Hashes:
    """Hashes that are equal only within one text."""
    return hashes + texts.astype(np.uint64) * _TEXT_SALT


def _paragraphs(lines: Spans, starts: Ints) -> Spans:
    begins = np.ones(len(lines.start), np.bool_)
    begins[1:] = lines.start[1:] > lines.stop[:-1] + 1
    first_of_text = lines.bounds[:-1][lines.counts > 0]
    begins[first_of_text] = True
    ends = np.append(begins[1:], True)[: len(begins)]
    return _spans(lines.start[begins], lines.stop[ends], starts)


def _spans(start: Ints, stop: Ints, text_starts: Ints) -> Spans:
    bounds = np.append(np.searchsorted(start, text_starts), len(start))
    return Spans(start=start, stop=stop, bounds=bounds)


def _code_points(texts: Sequence[str]) -> Codes:
    joined = "\n".join(texts) + "\n"
    return np.frombuffer(joined.encode("utf-32-le"), "<u4").astype(np.uint32, copy=False)


def _running_sum(values: npt.NDArray[np.generic]) -> Ints:
    """Sums of the first 0, 1, 2, ... values."""
    sums = np.zeros(len(values) + 1, np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


def _running_hash(codes: Codes) -> Hashes:
    """Polynomials in _BASE over the first 0, 1, 2, ... code points, modulo 2**64."""
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(codes.astype(np.uint64) * _powers(_BASE, len(codes)), out=sums[1:])
    return sums


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """For every code point whether Python counts it as white space, a letter or a mark."""
    characters = map(chr, range(0x110000))
    kinds = (
        _SPACE * c.isspace() + _LETTER * c.isalpha() + _MARK * (category(c) in _MARKS)
        for c in characters
    )
    return np.fromiter(kinds, np.uint8, 0x110000)


def _powers(base: np.uint64, count: int) -> Hashes:
    """Powers 0, 1, 2, ... of `base` modulo 2**64."""
    return _power_table(base, 1 << max(count, 2 * CHUNK_CHARS).bit_length())[:count]


@lru_cache(maxsize=4)
def _power_table(base: np.uint64, count: int) -> Hashes:
    table = np.full(count, base)
    table[0] = 1
    return np.multiply.accumulate(table)
