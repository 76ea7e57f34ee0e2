"""Unigram and interpolated bigram models of the tokens: what any language model must beat.

P(w)   = (c(w) + 1) / (N + V)                       add-one unigram
P(w|v) = a c(v, w) / c(v) + (1 - a) P(w)            Jelinek-Mercer interpolation
The weight a maximises the likelihood of the last part of the training tokens under counts of the
rest; the counts are then those of all training tokens.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gptpath.tokens.shards import TokenSplit

TUNING_SHARE = 0.02
"""Share of the training tokens on which the weight is tuned."""
CHUNK_TOKENS = 16_000_000

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class BaselineScore:
    """Held-out loss of a count model."""

    loss: float
    """Nats per token, end of text included."""
    bpb: float
    """Bits per UTF-8 byte of the documents' texts."""


def measure_baselines(
    train: TokenSplit, validation: TokenSplit, *, end_of_text: int, most_tokens: int | None = None
) -> dict[str, BaselineScore]:
    """Scores of "unigram" and "bigram" on all of `validation`.

    They learn from `train`, or from its first `most_tokens` where it has more. A token's
    predecessor is the one before it in the stream, end of text for the first. Memory grows with the
    number of different bigrams, not with the tokens.
    """
    learned = min(len(train), most_tokens or len(train))
    tuned = max(1, int(TUNING_SHARE * learned))
    rest = _Counts(train, 0, learned - tuned, end_of_text)
    weight = _tune(rest, train, learned - tuned, learned)
    counts = _Counts(train, 0, learned, end_of_text)
    unigram = bigram = 0.0
    for before, after in _pairs(validation, 0, len(validation), end_of_text):
        p_unigram, p_bigram = counts.probabilities(before, after)
        unigram -= float(np.log(p_unigram).sum())
        bigram -= float(np.log(weight * p_bigram + (1 - weight) * p_unigram).sum())
    return {"unigram": _score(unigram, validation), "bigram": _score(bigram, validation)}


def _score(nats: float, split: TokenSplit) -> BaselineScore:
    bpb = nats / math.log(2) / split.text_bytes
    return BaselineScore(loss=nats / len(split), bpb=bpb)


class _Counts:
    """Sparse counts of the tokens [start, stop) of a split."""

    def __init__(self, split: TokenSplit, start: int, stop: int, first: int) -> None:
        self._vocab_size = split.vocab_size
        self._unigrams = np.zeros(split.vocab_size, dtype=np.int64)
        self._keys: Ints = np.zeros(0, dtype=np.int64)
        self._pairs: Ints = np.zeros(0, dtype=np.int64)
        for before, after in _pairs(split, start, stop, first):
            self._unigrams += np.bincount(after, minlength=split.vocab_size)
            keys, counts = np.unique(before * split.vocab_size + after, return_counts=True)
            self._add(keys, counts)
        befores = self._keys // split.vocab_size
        self._befores = np.bincount(befores, weights=self._pairs, minlength=split.vocab_size)

    def _add(self, keys: Ints, counts: Ints) -> None:
        self._keys, place = np.unique(np.concatenate([self._keys, keys]), return_inverse=True)
        weights = np.concatenate([self._pairs, counts])
        self._pairs = np.bincount(place, weights=weights).astype(np.int64)

    def probabilities(self, before: Ints, after: Ints) -> tuple[Floats, Floats]:
        """Add-one unigram and maximum-likelihood bigram probability of each `after`."""
        total = self._unigrams.sum() + self._vocab_size
        unigram = (self._unigrams[after] + 1) / total
        keys = before * self._vocab_size + after
        place = np.minimum(np.searchsorted(self._keys, keys), max(self._keys.size - 1, 0))
        found = self._keys[place] == keys
        joint = np.where(found, self._pairs[place], 0)
        return unigram, joint / np.maximum(self._befores[before], 1)


def _tune(counts: _Counts, train: TokenSplit, start: int, stop: int) -> float:
    """Expectation-maximisation of the one weight; the likelihood is concave in it."""
    (before, after) = next(_pairs(train, start, stop, int(train.read(start - 1, start)[0])))
    p_unigram, p_bigram = counts.probabilities(before, after)
    weight = 0.5
    for _ in range(50):
        posterior = weight * p_bigram / (weight * p_bigram + (1 - weight) * p_unigram)
        weight = float(posterior.mean())
    return weight


def _pairs(split: TokenSplit, start: int, stop: int, first: int) -> Iterator[tuple[Ints, Ints]]:
    """Yield (predecessors, tokens) of the positions [start, stop) in chunks; `first` precedes."""
    previous = first
    for begin in range(start, stop, CHUNK_TOKENS):
        after = split.read(begin, min(begin + CHUNK_TOKENS, stop)).astype(np.int64)
        before = np.concatenate([[previous], after[:-1]])
        previous = int(after[-1])
        yield before, after
