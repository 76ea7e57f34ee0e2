"""95 % bootstrap intervals of test scores, resampling the items with replacement.

Label metrics depend on the confusion table alone, and resampled items give a multinomial table:
tables are drawn, however many items there are.

Shape legend: N items, S samples, L labels.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gptpath.config.data_sets import Metric
from gptpath.finetune.metrics import CORRELATIONS, confusion

Array = npt.NDArray[np.float64]

_SAMPLES_AT_ONCE = 100
"""Of correlations, which hold every resampled item."""
_CELLS_AT_ONCE = 2**22
"""Of confusion tables: a thousand tables of a thousand labels fit no memory."""


def bootstrap(
    metric: Metric,
    labels: Sequence[float],
    predicted: Sequence[float],
    *,
    samples: int,
    seed: int,
) -> tuple[float, float]:
    """Percentile interval of `metric`; the same arguments give the same interval."""
    random = np.random.default_rng(seed)
    if metric in CORRELATIONS:
        pairs_N2 = np.stack([np.asarray(labels, float), np.asarray(predicted, float)], axis=1)
        values_S = _correlations(metric, pairs_N2, samples, random)
    else:
        known = sorted({*labels, *predicted, 0, 1})
        place = {label: i for i, label in enumerate(known)}
        table_LL = np.array(
            confusion([place[x] for x in labels], [place[x] for x in predicted], len(known))
        )
        values_S = _label_metric(metric, table_LL, samples, random)
    low, high = np.quantile(values_S, [0.025, 0.975])
    return float(low), float(high)


def _label_metric(
    metric: Metric, table_LL: Array, samples: int, random: np.random.Generator
) -> Array:
    shares, items = (table_LL / table_LL.sum()).ravel(), int(table_LL.sum())
    parts: list[Array] = []
    for start in range(0, samples, rows := max(1, _CELLS_AT_ONCE // table_LL.size)):
        draws = random.multinomial(items, shares, size=min(rows, samples - start))
        parts.append(from_tables(metric, draws.reshape(-1, *table_LL.shape).astype(float)))
    return np.concatenate(parts)


def from_tables(metric: Metric, tables_SLL: Array) -> Array:
    """`metric` of each confusion table; rows are true labels, f1 is that of label 1."""
    right_S = np.trace(tables_SLL, axis1=1, axis2=2)
    true_SL, said_SL = tables_SLL.sum(2), tables_SLL.sum(1)
    items_S = true_SL.sum(1)
    if metric == "accuracy":
        return right_S / items_S
    if metric == "f1":
        return _ratio(2 * tables_SLL[:, 1, 1], true_SL[:, 1] + said_SL[:, 1])
    # Gorodkin's generalisation of Matthews' correlation, as in scikit-learn.
    shared_S = (true_SL * said_SL).sum(1)
    spread_S = (items_S**2 - (true_SL**2).sum(1)) * (items_S**2 - (said_SL**2).sum(1))
    return _ratio(right_S * items_S - shared_S, np.sqrt(spread_S))


def _correlations(
    metric: Metric, pairs_N2: Array, samples: int, random: np.random.Generator
) -> Array:
    from scipy.stats import rankdata

    parts: list[Array] = []
    for start in range(0, samples, _SAMPLES_AT_ONCE):
        size = (min(_SAMPLES_AT_ONCE, samples - start), len(pairs_N2))
        drawn_SN2 = pairs_N2[random.integers(0, len(pairs_N2), size=size)]
        if metric == "spearman":
            drawn_SN2 = rankdata(drawn_SN2, axis=1)
        x_SN2 = drawn_SN2 - drawn_SN2.mean(1, keepdims=True)
        lengths_S2 = np.sqrt((x_SN2**2).sum(1))
        parts.append(_ratio(x_SN2.prod(2).sum(1), lengths_S2.prod(1)))
    return np.concatenate(parts)


def _ratio(above_S: Array, below_S: Array) -> Array:
    """Zero where the denominator is zero, as scikit-learn has it."""
    return np.divide(above_S, below_S, out=np.zeros_like(above_S), where=below_S > 0)
