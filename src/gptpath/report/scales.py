"""From values to pixels: linear and logarithmic axes with round ticks."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gptpath.report.numbers import short

Format = Callable[[float], str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Axis:
    """What an axis shows; a logarithmic axis puts zero at its left end."""

    label: str
    log: bool = False
    bounds: tuple[float, float] | None = None
    text: Format = short
    ticks: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels."""

    axis: Axis
    low: float
    high: float
    start: float
    stop: float
    has_zero: bool

    def place(self, value: float) -> float:
        """Pixel of `value`."""
        if not self.axis.log:
            position = value
        elif value <= 0:
            position = self.low
        else:
            position = math.log10(value)
        share = (position - self.low) / ((self.high - self.low) or 1.0)
        return self.start + share * (self.stop - self.start)

    def ticks(self, most: int) -> list[float]:
        """Round values to write at the axis."""
        if self.axis.ticks is not None:
            return list(self.axis.ticks)
        return self._log_ticks(most) if self.axis.log else linear_ticks(self.low, self.high, most)

    def _log_ticks(self, most: int) -> list[float]:
        first, last = math.floor(self.low), math.ceil(self.high)
        inside: list[float] = []
        for steps in ((1, 2, 5), (1, 3), (1,)):
            inside = [
                step * 10.0**power
                for power in range(first, last + 1)
                for step in steps
                if self.low - 1e-9 <= math.log10(step * 10.0**power) <= self.high + 1e-9
            ]
            if len(inside) <= most:
                break
        if len(inside) < 2:  # less than a factor of two or so: round steps serve better
            inside = linear_ticks(10**self.low, 10**self.high, most)
        if self.has_zero:
            gap = (self.high - self.low) * 0.08
            inside = [0.0, *(tick for tick in inside if math.log10(tick) > self.low + gap)]
        return inside


def linear_ticks(low: float, high: float, most: int) -> list[float]:
    """At most about `most` multiples of 1, 2 or 5 times a power of ten inside the bounds."""
    raw = (high - low or 1.0) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(index * step, 12) for index in range(first, last + 1)]


def make_scale(
    axis: Axis, values: Sequence[float], start: float, stop: float, *, pad: float
) -> Scale:
    """Scale over `values` (or the axis bounds), with `pad` of their span as room on both sides."""
    has_zero = axis.log and any(value <= 0 for value in values)
    if axis.bounds is not None:
        low, high = axis.bounds
        return Scale(axis, low, high, start, stop, has_zero)
    placed = [math.log10(v) if axis.log else v for v in values if v > 0 or not axis.log]
    low, high = min(placed, default=0.0), max(placed, default=1.0)
    if high == low:
        low, high = low - 0.5, high + 0.5
    room = (high - low) * pad
    if has_zero:
        low -= max(0.12 * (high - low), 0.1)
    return Scale(axis, low - room, high + room, start, stop, has_zero)
