"""Straight lines through few points: loss as a power of size, scores against log size.

Every fit here is ordinary least squares with two unknowns. Its interval comes from a parametric
bootstrap: each measured value is redrawn from a normal distribution with its own standard error,
and the line fitted again. That covers the noise of measuring on finitely many held-out items and
nothing else: not the choice of seed, learning rate or training length, nor whether a straight line
is right at all.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class PowerLaw:
    """loss = coefficient * size ** -exponent."""

    coefficient: float
    exponent: float
    low: float | None
    """Lower end of the exponent's 95 % interval; None where no error of the losses is known."""
    high: float | None
    points: int

    def at(self, size: float) -> float:
        """Loss that the law gives for `size`."""
        return self.coefficient * size**-self.exponent


@dataclass(frozen=True, kw_only=True, slots=True)
class Slope:
    """Change of a score for a tenfold size."""

    slope: float
    low: float
    high: float
    points: int


def fit_power_law(
    sizes: Sequence[float],
    losses: Sequence[float],
    errors: Sequence[float] | None,
    *,
    samples: int,
    seed: int,
) -> PowerLaw:
    """Least squares of ln loss on ln size; `errors` are standard errors of the losses, in nats."""
    x, y = np.log(np.array(sizes)), np.array(losses)
    slope, intercept = np.polyfit(x, np.log(y), 1)
    low = high = None
    if errors is not None:
        drawn = _redraw(y, np.array(errors), samples, seed)
        exponents = -_slopes(x, np.log(np.maximum(drawn, 1e-9)))
        low, high = (float(q) for q in np.quantile(exponents, [0.025, 0.975]))
    return PowerLaw(
        coefficient=math.exp(intercept),
        exponent=-float(slope),
        low=low,
        high=high,
        points=len(sizes),
    )


def fit_slope(
    sizes: Sequence[float],
    values: Sequence[float],
    errors: Sequence[float],
    *,
    samples: int,
    seed: int,
) -> Slope:
    """Least squares of a score on log10 size."""
    x, y = np.log10(np.array(sizes)), np.array(values)
    drawn = _slopes(x, _redraw(y, np.array(errors), samples, seed))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Slope(
        slope=float(_slopes(x, y[None])[0]), low=float(low), high=float(high), points=len(sizes)
    )


def _redraw(values: Floats, errors: Floats, samples: int, seed: int) -> Floats:
    """`samples` noisy copies of the values, shape (samples, points)."""
    return np.random.default_rng(seed).normal(values, errors, size=(samples, len(values)))


def _slopes(x: Floats, y: Floats) -> Floats:
    """Least-squares slope of each row of y (samples, points) on x (points,)."""
    centred = x - x.mean()
    return (y @ centred) / (centred @ centred)
