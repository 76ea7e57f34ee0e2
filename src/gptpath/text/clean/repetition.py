"""Repeated n-grams of words (Rae et al. 2021, A1.1 and Table A1), over many texts at once."""

from collections.abc import Sequence

import numpy as np

from gptpath.text.clean.characters import (
    Characters,
    Flags,
    Hashes,
    Ints,
    Spans,
    by_text,
    seen_before,
)

_STEP = np.uint64(0xC2B2AE3D27D4EB4F)
_LONGEST_TOP = 2
_LONGEST_DUPLICATE = 5


def top_ngram_chars(characters: Characters, limits: Sequence[float]) -> Flags:
    """Texts in which the most frequent 2-, 3- or 4-gram fills more than its limit of characters.

    It must occur twice; of equally frequent ones the longest counts, its words joined by single
    blanks. A longer n-gram is looked for only where it could be too much: it is no more frequent
    than the pairs in it, and no longer than so many times the longest word.
    """
    words, sizes = characters.words, characters.sizes
    hit = np.zeros(len(sizes), np.bool_)
    hashes = characters.hashes(words)
    longest = np.zeros(len(sizes), np.int64)
    np.maximum.at(longest, words.texts, words.lengths)
    most = np.full(len(sizes), np.iinfo(np.int32).max, np.int64)
    for n, limit in enumerate(limits, start=_LONGEST_TOP):
        possible = most * (n * (longest + 1)) > limit * sizes
        if not possible.any():
            break
        count, length = _most_frequent(_select(words, possible), hashes[_of(words, possible)], n)
        hit[possible] |= count * length > limit * sizes[possible]
        if n == _LONGEST_TOP:
            most = count
    return hit


def duplicate_ngram_chars(characters: Characters, limits: Sequence[float]) -> Flags:
    """Texts in which repeated 5- to 10-grams fill more than their limit of characters.

    A word counts once, if it lies in an n-gram that occurred before in the text. Words in repeated
    n-grams lie in repeated shorter ones too, so what passes the strictest limit with 5-grams
    passes all of them.
    """
    hit = np.zeros(len(characters.sizes), np.bool_)
    open_ = np.ones(len(characters.sizes), np.bool_)
    hashes = characters.hashes(characters.words)
    for n, limit in enumerate(limits, start=_LONGEST_DUPLICATE):
        words = _select(characters.words, open_)
        chars = _repeated_chars(words, hashes[_of(characters.words, open_)], n)
        sizes = characters.sizes[open_]
        hit[open_] |= chars > limit * sizes
        open_[open_] = chars > min(limits) * sizes
        if not open_.any():
            break
    return hit


def _most_frequent(words: Spans, hashes: Hashes, n: int) -> tuple[Ints, Ints]:
    """How often the most frequent n-gram of each text occurs, and its characters; 0 if once."""
    grams, first, texts = _ngrams(words, hashes, n)
    grams = by_text(grams, texts)
    order = np.argsort(grams)
    starts = np.flatnonzero(np.diff(grams[order], prepend=~grams[order[:1]]))
    counts = np.diff(starts, append=len(order))
    starts, counts = starts[counts > 1], counts[counts > 1]
    example = first[order[starts]]
    before = np.concatenate(([0], np.cumsum(words.lengths)))
    lengths = before[example + n] - before[example] + n - 1
    best = np.zeros(len(words.bounds) - 1, np.int64)
    np.maximum.at(best, texts[order[starts]], (counts << 32) + lengths)
    return best >> 32, best & 0xFFFFFFFF


def _repeated_chars(words: Spans, hashes: Hashes, n: int) -> Ints:
    """Characters of words in n-grams that occurred before, by text."""
    grams, first, texts = _ngrams(words, hashes, n)
    edges = np.zeros(len(words.start) + 1, np.int64)
    again = first[seen_before(grams, texts)]
    np.add.at(edges, again, 1)
    np.add.at(edges, again + n, -1)
    covered = np.cumsum(edges[:-1]) > 0
    return words.sums(covered * words.lengths)


def _ngrams(words: Spans, hashes: Hashes, n: int) -> tuple[Hashes, Ints, Ints]:
    """Hash, first word and text of every n-gram."""
    texts = words.texts
    count = max(len(hashes) - n + 1, 0)
    grams = np.zeros(count, np.uint64)
    for i in range(n):
        grams = grams * _STEP + hashes[i : i + count]
    whole = np.flatnonzero(texts[:count] == texts[n - 1 : n - 1 + count])
    return grams[whole], whole, texts[whole]


def _of(words: Spans, chosen: Flags) -> Flags:
    return np.repeat(chosen, words.counts)


def _select(words: Spans, chosen: Flags) -> Spans:
    """Words of the chosen texts alone, which are numbered anew."""
    kept = _of(words, chosen)
    bounds = np.concatenate(([0], np.cumsum(words.counts[chosen])))
    return Spans(start=words.start[kept], stop=words.stop[kept], bounds=bounds)
