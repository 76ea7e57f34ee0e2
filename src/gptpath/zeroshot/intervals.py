"""95 % intervals of scores: Wilson's for proportions, the percentile bootstrap for the rest."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Z = 1.959964
"""Standard normal quantile of a two-sided 95 % interval."""

Sums = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Resampling:
    """How bootstrap intervals are drawn; the same settings give the same interval."""

    samples: int
    seed: int


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """Wilson score interval of a proportion (E. B. Wilson 1927); (0, 1) without trials.

    Unlike the normal approximation it stays inside [0, 1] and is honest near 0, where the scores
    of small models lie.
    """
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    scale = 1 + Z**2 / trials
    centre = (share + Z**2 / (2 * trials)) / scale
    half = Z / scale * math.sqrt(share * (1 - share) / trials + Z**2 / (4 * trials**2))
    low = centre - half if successes else 0.0  # exactly, which rounding would miss
    high = centre + half if successes < trials else 1.0
    return low, high


def bootstrap(
    units: npt.NDArray[np.float64],
    statistic: Callable[[Sums], Sums],
    resampling: Resampling,
) -> tuple[float, float, float]:
    """Percentile interval and standard error of a statistic of column sums.

    The rows are resampled with replacement.

    `units` is (n, k): one row per independent unit (an item, a pair, a window). `statistic` maps
    column sums of shape (..., k) to values of shape (...): a mean is `lambda s: s[..., 0] / n`, a
    perplexity `lambda s: np.exp(-s[..., 0] / s[..., 1])`.
    """
    n = len(units)
    draws = np.random.default_rng(resampling.seed).multinomial(
        n, np.full(n, 1 / n), size=resampling.samples
    )
    values = statistic(draws @ units)
    low, high = np.quantile(values, [0.025, 0.975])
    return float(low), float(high), float(values.std())
