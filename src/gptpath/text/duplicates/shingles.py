"""Texts as hashed word n-grams ("shingles"), without a loop over words.

A word is a run of letters and digits of any script, compared in lower case (character by
character). Scripts that write no spaces between words have each character as a word of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]
Offsets = npt.NDArray[np.int64]

_MULTIPLIER = 0x9E3779B97F4A7C15  # 2**64 / golden ratio, odd
_INVERSE = pow(_MULTIPLIER, -1, 2**64)
_CODE_POINTS = 0x32400
"""No letter or digit has a code point from here on."""

_SEPARATOR, _LETTER, _WORD = np.uint8(0), np.uint8(1), np.uint8(2)

UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x3000, 0x312F),  # Kana, Bopomofo
    (0x31A0, 0x9FFF),  # more of them, and Han
    (0xF900, 0xFAFF),  # Han, compatibility forms
    (0x1B000, 0x1B16F),  # historic Kana
    (0x20000, 0x323AF),  # Han, extensions
)
"""First and last code points of scripts without spaces between words (Unicode block charts)."""


@dataclass(frozen=True, slots=True)
class Shingles:
    """Hashes of the n-grams of several documents, one document after the other."""

    hashes: Hashes
    """In order of the text, repetitions included."""
    ends: Offsets
    """Where each document's hashes end, shape (documents,)."""

    @property
    def starts(self) -> Offsets:
        """Where each document's hashes begin, shape (documents,)."""
        return np.concatenate((np.zeros(1, np.int64), self.ends))[: len(self.ends)]


def shingle(texts: Sequence[str], n: int) -> Shingles:
    """Hash the n-grams of each text; a text of 1 to n - 1 words has one shingle of them all.

    Equal n-grams have equal hashes on every machine; different ones collide with a probability of
    about 2**-64. Texts must be free of lone surrogates. Takes some 40 bytes of memory a character.
    """
    words, ends = _hash_words(texts)
    counts = np.diff(ends, prepend=0)
    starts = ends - counts
    hashes = np.zeros(len(words), np.uint64)
    whole = np.ones(len(words), bool)
    for back in range(1, n):  # the last n - 1 words of a document begin no n-gram
        whole[(ends - back)[counts >= back]] = False
    kept = whole.copy()
    for length in range(1, n):
        short = starts[counts == length]
        hashes[short] = _combine(words, short, length)
        kept[short] = True
    hashes[whole] = _combine(words, np.flatnonzero(whole), n)
    return Shingles(
        hashes[kept], np.cumsum(np.where(counts >= n, counts - n + 1, np.minimum(counts, 1)))
    )


def mix(values: Hashes) -> Hashes:
    """Scramble 64-bit values bijectively, so that every bit depends on every other (splitmix64)."""
    values = values ^ (values >> np.uint64(30))
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def _combine(words: Hashes, starts: Offsets, length: int) -> Hashes:
    """Hash of the `length` words from each start on."""
    total = np.full(len(starts), length, np.uint64)
    for offset in range(length):
        total *= np.uint64(_MULTIPLIER)
        total += words[starts + offset]
    return mix(total)


def _hash_words(texts: Sequence[str]) -> tuple[Hashes, Offsets]:
    """Hash of each word of all texts in order, and where each text's words end."""
    joined = "\n".join(texts)
    code_points = np.frombuffer(joined.encode("utf-32-le"), np.uint32).astype(np.intp)
    kinds, values = _tables()
    terms = values.take(code_points, mode="clip")
    letters = np.zeros(len(terms) + 2, bool)  # a separator on either side
    np.not_equal(terms, 0, out=letters[1:-1])
    edges = np.flatnonzero(letters[1:] != letters[:-1])
    first, end = edges[::2], edges[1::2]
    kind = None if joined.isascii() else kinds.take(code_points, mode="clip")
    if kind is not None and (kind == _WORD).any():
        first, end = _cut_unspaced(kind)
    up, down = _powers(1 << len(terms).bit_length())
    # sums[i] is the sum of value * M**place over the characters before place i, so a word's
    # difference of sums is its polynomial times M**(first place), which is then divided out.
    terms *= up[: len(terms)]
    sums = np.zeros(len(terms) + 1, np.uint64)
    np.cumsum(terms, out=sums[1:])
    words = mix((sums[end] - sums[first]) * down[first])
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    return words, np.searchsorted(first, np.cumsum(sizes + 1) - 1)


def _cut_unspaced(kind: npt.NDArray[np.uint8]) -> tuple[Offsets, Offsets]:
    """Where words begin and end, with each character of an unspaced script a word of its own."""
    padded = np.zeros(len(kind) + 2, np.uint8)
    padded[1:-1] = kind
    before, here, after = padded[:-2], padded[1:-1], padded[2:]
    alone = here == _WORD
    letter = here == _LETTER
    first = np.flatnonzero(alone | (letter & (before != _LETTER)))
    return first, np.flatnonzero(alone | (letter & (after != _LETTER))) + 1


@lru_cache(maxsize=1)
def _tables() -> tuple[npt.NDArray[np.uint8], Hashes]:
    """Kind of each code point, and a random value for its lower case (0 for separators)."""
    kinds = np.zeros(_CODE_POINTS, np.uint8)
    values = np.zeros(_CODE_POINTS, np.uint64)
    letters = [point for point in range(_CODE_POINTS) if chr(point).isalnum()]
    lower = [ord(small) if len(small := chr(point).lower()) == 1 else point for point in letters]
    kinds[letters] = _LETTER
    for start, end in UNSPACED:
        block = kinds[start : end + 1]
        block[block == _LETTER] = _WORD
    values[letters] = mix(np.array(lower, np.uint64) + np.uint64(_MULTIPLIER))
    return kinds, values


@lru_cache(maxsize=8)
def _powers(count: int) -> tuple[Hashes, Hashes]:
    """Powers of the multiplier from 0 to count - 1, and their inverses, modulo 2**64."""
    up = np.full(count, _MULTIPLIER, np.uint64)
    down = np.full(count, _INVERSE, np.uint64)
    up[0] = down[0] = 1
    return np.cumprod(up), np.cumprod(down)
