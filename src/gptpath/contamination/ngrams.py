"""Texts as hashed n-grams of lower-cased alphanumeric words (GPT-2 sec. 4)."""

import hashlib
import re
from collections.abc import Iterable, Iterator

import numpy as np

from gptpath.text.duplicates.shingles import Hashes, mix

WORD = re.compile(r"[^\W_]+")
"""A run of letters and digits of any script."""

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2**64 / golden ratio, odd


class _WordHashes(dict[str, int]):
    """64-bit hash of each word, computed once per distinct word; the same on every machine."""

    def __missing__(self, word: str) -> int:
        value = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        self[word] = value
        return value


class NgramHasher:
    """Hashes the n-grams of texts; n-grams never cross from one text into the next.

    Equal n-grams have equal hashes. Different ones collide with a probability of about 2**-64:
    word hashes enter a polynomial modulo 2**64, which a bijective mixer then scrambles.
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self._words = _WordHashes()

    def hash_texts(self, texts: Iterable[str]) -> list[Hashes]:
        """Hashes of each text's n-grams in order, shape (words - n + 1,) or (0,)."""
        pieces = list(self._word_hashes(texts))
        if not pieces:
            return []
        sizes = np.array([len(piece) for piece in pieces])
        ends = np.cumsum(sizes)
        hashes = self._combine(np.concatenate(pieces))
        return [
            hashes[end - size : max(end - size, end - self.n + 1)]
            for size, end in zip(sizes, ends, strict=True)
        ]

    def _word_hashes(self, texts: Iterable[str]) -> Iterator[Hashes]:
        known = self._words
        for text in texts:
            words = WORD.findall(text.lower())
            yield np.fromiter((known[word] for word in words), dtype=np.uint64, count=len(words))

    def _combine(self, words: Hashes) -> Hashes:
        """Hash of the n words from each position on; the last n - 1 places are left out."""
        count = max(0, len(words) - self.n + 1)
        total = np.zeros(count, dtype=np.uint64)
        for offset in range(self.n):
            total *= _MULTIPLIER
            total += words[offset : offset + count]
        return mix(total)
