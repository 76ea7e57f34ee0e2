"""What a protocol hands back: scores with intervals, and a record of every item."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gptpath.zeroshot.baselines import NONE, Baselines, choice_baselines
from gptpath.zeroshot.intervals import Resampling, bootstrap, wilson
from gptpath.zeroshot.likelihood import Likelihood
from gptpath.zeroshot.protocols import VERSIONS
from gptpath.zeroshot.statistics import STATISTICS

Rows = npt.NDArray[np.float64]


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
    standard_error: float
    items: int
    """Independent units behind the number: items, pairs or windows."""
    chance: float | None
    """The blind score that a claim is held against; None where there is no such number."""
    random: float | None
    """What guessing evenly would score; None where that has no meaning."""
    majority: float | None
    """What the best constant answer would score on these very items; None likewise."""
    protocol: str
    """Name of the exact rule, explained in docs/protocols.md."""
    version: int
    """Of the protocol: grows when its rule changes."""
    statistic: str
    """How the sums of the item records give the value (gptpath.zeroshot.statistics)."""
    interval: str
    """`wilson` or `bootstrap`."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Measure:
    """One score with what each unit contributed to it."""

    score: Score
    sums: Rows
    """(n, k): a row per unit."""
    judged: Sequence[Sequence[float]] = ()
    """Per unit the numbers by which its candidates were compared; empty where none were."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MeasureRecord:
    """What one item contributed to one score."""

    metric: str
    judged: tuple[float, ...]
    """The number by which each candidate was judged; the highest wins, the first among equals."""
    chosen: int | None
    """Index of the candidate that wins; None where nothing is chosen."""
    sums: tuple[float, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """One item as the model saw it, before any rule judges its answer."""

    id: str
    prompt: str = ""
    candidates: tuple[str, ...] = ()
    """What was scored, or what was generated."""
    references: tuple[str, ...] = ()
    """Texts that would be right, for generated ones."""
    log_probs: tuple[float, ...] = ()
    """Log-probability of each candidate as it was asked for, nats; empty for generated text."""
    token_counts: tuple[int, ...] = ()
    """Tokens of each candidate."""
    label: int | None = None
    """Index of the right candidate."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ItemRecord:
    """One item as the model saw it and answered it, with its part in every score."""

    task: str
    id: str
    prompt: str
    candidates: tuple[str, ...]
    references: tuple[str, ...]
    log_probs: tuple[float, ...]
    token_counts: tuple[int, ...]
    label: int | None
    chosen: int | None
    """By the first measure."""
    correct: bool | None
    """By the first measure, where it is a share of right items."""
    measures: tuple[MeasureRecord, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskResult:
    """All scores of one task for one model, and its item records."""

    scores: tuple[Score, ...]
    records: tuple[ItemRecord, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Reporter:
    """Builds the measures of one task, each score with its interval."""

    task: str
    resampling: Resampling

    def proportion(
        self,
        metric: str,
        correct: Sequence[bool],
        *,
        baselines: Baselines,
        protocol: str,
        judged: Sequence[Sequence[float]] = (),
    ) -> Measure:
        """Share of items that are right, with Wilson's interval."""
        sums = np.array([[float(hit), 1.0] for hit in correct])
        return self.share(metric, sums, baselines=baselines, protocol=protocol, judged=judged)

    def share(
        self,
        metric: str,
        sums: Rows,
        *,
        baselines: Baselines = NONE,
        protocol: str,
        judged: Sequence[Sequence[float]] = (),
    ) -> Measure:
        """Share of right items among some of them: `sums` (n, 2) are (right, counted), 0 or 1."""
        hits, trials = map(int, sums.sum(axis=0))
        value, (low, high) = hits / trials, wilson(hits, trials)
        error = math.sqrt(value * (1 - value) / max(1, trials - 1))
        spread = (low, high, error)
        score = self._score(metric, value, spread, trials, baselines, protocol, "ratio", "wilson")
        return Measure(score=score, sums=sums, judged=judged)

    def choice(
        self,
        metric: str,
        judged: Sequence[Sequence[float]],
        labels: Sequence[int],
        *,
        protocol: str,
    ) -> Measure:
        """Share of items whose right candidate is judged highest; its two blind scores with it."""
        correct = [argmax(values) == label for values, label in zip(judged, labels, strict=True)]
        return self.proportion(
            metric,
            correct,
            baselines=choice_baselines([len(values) for values in judged], labels),
            protocol=protocol,
            judged=judged,
        )

    def statistic(
        self,
        metric: str,
        sums: Rows,
        statistic: str,
        *,
        baselines: Baselines = NONE,
        protocol: str,
        judged: Sequence[Sequence[float]] = (),
    ) -> Measure:
        """A statistic of the column sums of `sums` (n, k), with a bootstrap interval.

        Rows of zeros take no part: that is how a score of some of the items is told.
        """
        compute = STATISTICS[statistic]
        value = float(compute(sums.sum(axis=0)))
        parts = sums[sums.any(axis=1)]
        spread = bootstrap(parts, compute, self.resampling)
        score = self._score(
            metric, value, spread, len(parts), baselines, protocol, statistic, "bootstrap"
        )
        return Measure(score=score, sums=sums, judged=judged)

    def mean(
        self,
        metric: str,
        values: Sequence[float],
        *,
        baselines: Baselines = NONE,
        protocol: str,
    ) -> Measure:
        """Mean over items, with a bootstrap interval."""
        sums = np.array([[value, 1.0] for value in values])
        return self.statistic(metric, sums, "ratio", baselines=baselines, protocol=protocol)

    def result(self, measures: Sequence[Measure], facts: Sequence[Facts]) -> TaskResult:
        """The scores with a record of every unit; `facts` has one entry per row of `sums`."""
        return TaskResult(
            scores=tuple(measure.score for measure in measures),
            records=tuple(_record(self.task, measures, i, fact) for i, fact in enumerate(facts)),
        )

    def _score(
        self,
        metric: str,
        value: float,
        spread: tuple[float, float, float],
        items: int,
        baselines: Baselines,
        protocol: str,
        statistic: str,
        interval: str,
    ) -> Score:
        return Score(
            task=self.task,
            metric=metric,
            value=value,
            low=spread[0],
            high=spread[1],
            standard_error=spread[2],
            items=items,
            chance=baselines.level,
            random=baselines.random,
            majority=baselines.majority,
            protocol=protocol,
            version=VERSIONS[protocol],
            statistic=statistic,
            interval=interval,
        )


def candidate_facts(
    item_id: str,
    prompt: str,
    candidates: Sequence[str],
    answers: Sequence[Likelihood],
    label: int | None,
) -> Facts:
    """Facts of an item whose candidates were scored, `answers[i]` being that of candidate i."""
    return Facts(
        id=item_id,
        prompt=prompt,
        candidates=tuple(candidates),
        log_probs=tuple(answer.total for answer in answers),
        token_counts=tuple(len(answer.tokens) for answer in answers),
        label=label,
    )


def argmax(values: Sequence[float]) -> int:
    """Index of the largest value, the first one among equals."""
    return max(range(len(values)), key=lambda i: (values[i], -i))


def _record(task: str, measures: Sequence[Measure], unit: int, fact: Facts) -> ItemRecord:
    parts = tuple(_part(measure, unit) for measure in measures)
    first = measures[0].score
    right = first.statistic == "ratio" and first.interval == "wilson"
    return ItemRecord(
        task=task,
        id=fact.id,
        prompt=fact.prompt,
        candidates=fact.candidates,
        references=fact.references,
        log_probs=fact.log_probs,
        token_counts=fact.token_counts,
        label=fact.label,
        chosen=parts[0].chosen,
        correct=bool(parts[0].sums[0]) if right else None,
        measures=parts,
    )


def _part(measure: Measure, unit: int) -> MeasureRecord:
    judged = tuple(map(float, measure.judged[unit])) if len(measure.judged) else ()
    compared = len(judged) > 1 and measure.score.interval == "wilson"
    return MeasureRecord(
        metric=measure.score.metric,
        judged=judged,
        chosen=argmax(judged) if compared else None,
        sums=tuple(map(float, measure.sums[unit])),
    )
