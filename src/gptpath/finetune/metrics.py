"""Scores of predictions by scikit-learn and scipy, and what one gets without reading the text."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gptpath.config.data_sets import Metric

Values = Sequence[float]
"""Labels (or regression scores), or what was predicted in their place."""

CORRELATIONS = ("pearson", "spearman")


def scores(labels: Values, predicted: Values) -> dict[str, float]:
    """Accuracy, macro F1 and Matthews correlation of labels; F1 of label 1 where there are two."""
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    zero: Any = 0.0  # where there is nothing to divide by; scikit-learn types it as text
    found = {
        "accuracy": float(accuracy_score(labels, predicted)),
        "macro_f1": float(f1_score(labels, predicted, average="macro", zero_division=zero)),
        "matthews": float(matthews_corrcoef(labels, predicted)),
    }
    if set(labels) | set(predicted) <= {0, 1}:
        found["f1"] = float(f1_score(labels, predicted, zero_division=zero))
    return found


def correlations(labels: Values, predicted: Values) -> dict[str, float]:
    """Pearson's and Spearman's correlation of regression scores; 0 where one side is constant."""
    from scipy.stats import pearsonr, spearmanr

    if min(len(set(labels)), len(set(predicted))) < 2:
        return dict.fromkeys(CORRELATIONS, 0.0)
    linear: Any = pearsonr(labels, predicted)
    ranked: Any = spearmanr(labels, predicted)
    return {"pearson": float(linear.statistic), "spearman": float(ranked.statistic)}


def all_scores(metric: Metric, labels: Values, predicted: Values) -> dict[str, float]:
    """Every score of the family that `metric` belongs to."""
    found = correlations if metric in CORRELATIONS else scores
    return found(labels, predicted)


def score(metric: Metric, labels: Values, predicted: Values) -> float:
    """One score; accuracy needs no library, so that a bare machine can select by it."""
    if metric == "accuracy":
        right = sum(a == b for a, b in zip(labels, predicted, strict=True))
        return right / len(labels)
    return all_scores(metric, labels, predicted)[metric]


def majority(train_labels: Sequence[int]) -> int:
    """The most frequent training label; the lowest of equals."""
    counts = Counter(train_labels)
    return min(counts, key=lambda label: (-counts[label], label))


def majority_score(
    metric: Metric, train_labels: Sequence[int], test_labels: Sequence[int]
) -> float:
    """Test score of always saying the most frequent training label; 0 for correlations."""
    if metric in CORRELATIONS:
        return 0.0
    return score(metric, test_labels, [majority(train_labels)] * len(test_labels))


def chance_score(metric: Metric, answers: Sequence[int], test_labels: Sequence[int]) -> float:
    """Expected score of guessing evenly among the labels, or the answers, of each item.

    `answers` has the number of them, item by item. F1 is that of its expected counts.
    """
    if metric == "accuracy":
        return sum(1 / count for count in answers) / len(answers)
    if metric == "f1":  # half of the positives found, as many of all items called positive
        positive = sum(label == 1 for label in test_labels)
        guessed = len(test_labels) / 2
        return 2 * (positive / 2) / (positive + guessed) if positive else 0.0
    return 0.0


def confusion(labels: Sequence[int], predicted: Sequence[int], n_labels: int) -> list[list[int]]:
    """Items by true label (row) and predicted label (column)."""
    table = [[0] * n_labels for _ in range(n_labels)]
    for label, guess in zip(labels, predicted, strict=True):
        table[label][guess] += 1
    return table
