"""Statistics of column sums: every score is one of these over what its items contribute.

A score keeps one row of numbers per item (`sums` in the item records). Adding the rows up and
applying the named statistic gives the score again, and resampling the rows gives its interval.
"""

import math
from collections.abc import Callable

import numpy as np

from gptpath.zeroshot.intervals import Sums

Statistic = Callable[[Sums], Sums]
"""Maps column sums of shape (..., k) to values of shape (...)."""


def ratio(sums: Sums) -> Sums:
    """First column over second: a mean over items, a share of right ones."""
    return sums[..., 0] / sums[..., 1]


def perplexity(sums: Sums) -> Sums:
    """exp(-log-probability / units) of (..., [log-probability in nats, units])."""
    return np.exp(-sums[..., 0] / sums[..., 1])


def bits_per_unit(sums: Sums) -> Sums:
    """Bits per unit of (..., [log-probability in nats, units])."""
    return -sums[..., 0] / (sums[..., 1] * math.log(2))


def matthews(sums: Sums) -> Sums:
    """Matthews correlation of (..., [true +, false +, false -, true -]); 0 where undefined."""
    tp, fp, fn, tn = (sums[..., i] for i in range(4))
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / np.sqrt(np.where(product == 0, 1.0, product))


def confusion_accuracy(sums: Sums) -> Sums:
    """Share right of (..., [true +, false +, false -, true -])."""
    return (sums[..., 0] + sums[..., 3]) / sums.sum(-1)


def corpus_bleu(sums: Sums) -> Sums:
    """BLEU in per cent of (..., [hypothesis length, reference length, right x 4, total x 4]).

    Papineni et al. 2002 with sacrebleu's default smoothing: each order without a match counts
    half as much as the one before (NIST's `exp`); no order without any n-gram counts.
    """
    length, reference = sums[..., 0], sums[..., 1]
    right, total = sums[..., 2:6], sums[..., 6:10]
    empty = (right == 0) & (total > 0)
    smoothed = np.where(empty, 0.5 ** np.cumsum(empty, axis=-1), right)
    precision = smoothed / np.where(total == 0, 1.0, total)
    usable = (right[..., 0] > 0) & (total > 0).all(-1)
    logs = np.log(np.where(precision > 0, precision, 1.0)).mean(-1)
    brevity = np.minimum(0.0, 1 - reference / np.where(length == 0, 1.0, length))
    return np.where(usable, 100 * np.exp(logs + brevity), 0.0)


STATISTICS: dict[str, Statistic] = {
    "ratio": ratio,
    "perplexity": perplexity,
    "bits-per-unit": bits_per_unit,
    "matthews": matthews,
    "confusion-accuracy": confusion_accuracy,
    "corpus-bleu": corpus_bleu,
}
"""By the name that results.json and the item records give them."""
