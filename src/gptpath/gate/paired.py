"""How much better one model predicts the same texts than another, and how sure that is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Column = npt.NDArray[np.float64]

_AT_ONCE = 2**22
"""Most draws held at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedLosses:
    """Losses of two models on the same items, each with its own tokenizer."""

    champion_nats: Column
    """(items,) nats that the champion needs for each item."""
    challenger_nats: Column
    """(items,) nats that the challenger needs."""
    text_bytes: Column
    """(items,) UTF-8 bytes of each item: the unit that differing tokenizers share."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Challenger minus champion in bits per byte; below zero the challenger is better."""

    champion_bpb: float
    challenger_bpb: float
    mean: float
    low: float
    """Lower end of the interval."""
    high: float
    items: int

    @property
    def measure(self) -> str:
        """What is compared, for people."""
        return "bits per byte"

    @property
    def key(self) -> str:
        """What is compared, as a part of names of metrics and tags."""
        return "bpb"

    @property
    def sides(self) -> tuple[float, float]:
        """Champion and challenger."""
        return self.champion_bpb, self.challenger_bpb

    @property
    def gain(self) -> tuple[float, float]:
        """Interval of what is gained by the challenger; above zero it is better."""
        return -self.high, -self.low


def paired_bootstrap(
    losses: PairedLosses, *, confidence: float, samples: int, seed: int
) -> Difference:
    """Interval of the difference in bits per byte, resampling items with replacement.

    Both models are read on the same resampled items, so that what makes an item hard for both
    cancels out (Efron and Tibshirani 1993, ch. 8; Koehn 2004 for paired comparisons of models).
    The statistic is a ratio of sums: long items weigh as much as their bytes.
    """
    units = np.stack([losses.champion_nats, losses.challenger_nats, losses.text_bytes], axis=1)
    champion, challenger = _bits_per_byte(units.sum(axis=0))
    chooser = np.random.default_rng(seed)
    count = len(units)
    found: list[Column] = []
    for start in range(0, samples, rows := max(1, _AT_ONCE // count)):
        size = min(rows, samples - start)
        draws = chooser.multinomial(count, np.full(count, 1 / count), size=size)
        before, after = _bits_per_byte(draws @ units)
        found.append(after - before)
    low, high = middle(found, confidence)
    return Difference(
        champion_bpb=float(champion),
        challenger_bpb=float(challenger),
        mean=float(challenger - champion),
        low=low,
        high=high,
        items=count,
    )


def middle(found: Sequence[Column], confidence: float) -> tuple[float, float]:
    """Ends of the interval that holds the middle `confidence` of all samples."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.concatenate(found), [tail, 1 - tail])
    return float(low), float(high)


def _bits_per_byte(sums: Column) -> tuple[Column, Column]:
    """Of (..., [champion nats, challenger nats, bytes]) both models' bits per byte."""
    bits = sums[..., :2] / (sums[..., 2:] * math.log(2))
    return bits[..., 0], bits[..., 1]
