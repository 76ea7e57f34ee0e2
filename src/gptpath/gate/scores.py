"""How much better one classifier answers the same test items than another, and how sure that is.

Shape legend: N items, S samples, L labels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gptpath.config.data_sets import Metric
from gptpath.finetune.intervals import from_tables
from gptpath.finetune.metrics import CORRELATIONS
from gptpath.gate.paired import Column, middle

_AT_ONCE = 2**21
"""Most numbers held at once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PairedAnswers:
    """What two classifiers say of the same items: places of labels, of a regression scores."""

    labels: Column
    """(items,) the truth."""
    champion: Column
    """(items,) what the champion says."""
    challenger: Column
    """(items,) what the challenger says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScoreDifference:
    """Challenger minus champion in the task's own metric; above zero the challenger is better."""

    metric: Metric
    champion: float
    challenger: float
    mean: float
    """The difference on the items as they are."""
    low: float
    """Lower end of the interval."""
    high: float
    items: int

    @property
    def measure(self) -> str:
        """What is compared, for people."""
        return self.metric

    @property
    def key(self) -> str:
        """What is compared, as a part of names of metrics and tags."""
        return self.metric

    @property
    def sides(self) -> tuple[float, float]:
        """Champion and challenger."""
        return self.champion, self.challenger

    @property
    def gain(self) -> tuple[float, float]:
        """Interval of what is gained by the challenger."""
        return self.low, self.high


def paired_scores(
    answers: PairedAnswers, metric: Metric, *, confidence: float, samples: int, seed: int
) -> ScoreDifference:
    """Interval of the difference in `metric`, resampling items with replacement.

    Both classifiers are read on the same resampled items, as in `paired_bootstrap`. The same
    arguments give the same interval.
    """
    columns_3N = np.stack([answers.labels, answers.champion, answers.challenger])
    count = len(answers.labels)
    # Places 0, 1, ... of labels; f1 needs two of them.
    n_labels = 0 if metric in CORRELATIONS else 1 + max(1, int(columns_3N.max()))
    champion, challenger = _scores(metric, columns_3N[:, None, :], n_labels)[:, 0]
    chooser = np.random.default_rng(seed)
    found: list[npt.NDArray[np.float64]] = []
    for start in range(0, samples, rows := max(1, _AT_ONCE // max(count, n_labels**2))):
        draws_SN = chooser.integers(0, count, size=(min(rows, samples - start), count))
        before_S, after_S = _scores(metric, columns_3N[:, draws_SN], n_labels)
        found.append(after_S - before_S)
    low, high = middle(found, confidence)
    return ScoreDifference(
        metric=metric,
        champion=float(champion),
        challenger=float(challenger),
        mean=float(challenger - champion),
        low=low,
        high=high,
        items=count,
    )


def _scores(
    metric: Metric, columns_3SN: npt.NDArray[np.float64], n_labels: int
) -> npt.NDArray[np.float64]:
    """(2, samples) `metric` of champion and challenger on each sample."""
    labels_SN, *answers = columns_3SN
    if metric in CORRELATIONS:
        return np.stack([_correlations(metric, labels_SN, said_SN) for said_SN in answers])
    return np.stack(
        [from_tables(metric, _tables(labels_SN, said_SN, n_labels)) for said_SN in answers]
    )


def _tables(
    labels_SN: npt.NDArray[np.float64], said_SN: npt.NDArray[np.float64], n_labels: int
) -> npt.NDArray[np.float64]:
    """(samples, labels, labels) confusion tables."""
    sample_S1 = np.arange(len(labels_SN))[:, None]
    cells_SN = ((sample_S1 * n_labels + labels_SN) * n_labels + said_SN).astype(np.int64)
    shape = (len(labels_SN), n_labels, n_labels)
    return np.bincount(cells_SN.ravel(), minlength=int(np.prod(shape))).reshape(shape).astype(float)


def _correlations(
    metric: Metric, one_SN: npt.NDArray[np.float64], other_SN: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """(samples,) correlations; zero where one side is constant."""
    from scipy.stats import rankdata

    sides = [one_SN, other_SN]
    if metric == "spearman":
        sides = [rankdata(side, axis=1) for side in sides]
    x_SN, y_SN = (side - side.mean(axis=1, keepdims=True) for side in sides)
    lengths_S = np.sqrt((x_SN**2).sum(axis=1) * (y_SN**2).sum(axis=1))
    shared_S = (x_SN * y_SN).sum(axis=1)
    return np.divide(shared_S, lengths_S, out=np.zeros_like(shared_S), where=lengths_S > 0)
