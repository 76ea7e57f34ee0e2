"""What a protocol hands back: scores with intervals, and a record of every item."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gptpath.zeroshot.intervals import Resampling, Sums, bootstrap, wilson


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """One number of one task at one checkpoint."""

    task: str
    metric: str
    value: float
    low: float
    """Lower end of the 95 % interval."""
    high: float
    """Upper end of the 95 % interval."""
    items: int
    """Independent units behind the number: items, pairs or windows."""
    chance: float | None
    """What guessing without reading would score; None where there is no such number."""
    protocol: str
    """Name of the exact rule, explained in docs/protocols.md."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemRecord:
    """One item as the model saw it and answered it."""

    task: str
    id: str
    prompt: str
    candidates: tuple[str, ...]
    """What was scored, or what was generated."""
    log_probs: tuple[float, ...]
    """The number by which each candidate was judged, nats; empty for generated text."""
    chosen: int | None
    """Index of the candidate the model prefers; None where nothing is chosen."""
    label: int | None
    correct: bool | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskResult:
    """All scores of one task for one model, and its item records."""

    scores: tuple[Score, ...]
    records: tuple[ItemRecord, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reporter:
    """Builds the scores of one task, each with its interval."""

    task: str
    resampling: Resampling

    def proportion(
        self, metric: str, correct: Sequence[bool], *, chance: float, protocol: str
    ) -> Score:
        """Share of items that are right, with Wilson's interval."""
        hits, trials = sum(correct), len(correct)
        low, high = wilson(hits, trials)
        return self._score(metric, hits / trials, low, high, trials, chance, protocol)

    def statistic(
        self,
        metric: str,
        units: npt.NDArray[np.float64],
        statistic: Callable[[Sums], Sums],
        *,
        chance: float | None,
        protocol: str,
    ) -> Score:
        """Statistic of the column sums of `units` (n, k), with a bootstrap interval."""
        value = float(statistic(units.sum(axis=0)))
        low, high = bootstrap(units, statistic, self.resampling)
        return self._score(metric, value, low, high, len(units), chance, protocol)

    def mean(
        self, metric: str, values: Sequence[float], *, chance: float | None, protocol: str
    ) -> Score:
        """Mean over items, with a bootstrap interval."""
        units = np.array([[value, 1.0] for value in values])
        return self.statistic(metric, units, ratio, chance=chance, protocol=protocol)

    def _score(
        self,
        metric: str,
        value: float,
        low: float,
        high: float,
        items: int,
        chance: float | None,
        protocol: str,
    ) -> Score:
        return Score(
            task=self.task,
            metric=metric,
            value=value,
            low=low,
            high=high,
            items=items,
            chance=chance,
            protocol=protocol,
        )


def ratio(sums: Sums) -> Sums:
    """First column over second."""
    return sums[..., 0] / sums[..., 1]


def perplexity(sums: Sums) -> Sums:
    """exp(-log-probability / units): sums are (..., [log-probability in nats, units])."""
    return np.exp(-sums[..., 0] / sums[..., 1])


def argmax(values: Sequence[float]) -> int:
    """Index of the largest value, the first one among equals."""
    return max(range(len(values)), key=lambda i: (values[i], -i))
