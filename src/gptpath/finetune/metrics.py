"""Scores of predicted labels, and what one gets without reading the text."""

from collections import Counter
from collections.abc import Sequence


def scores(labels: Sequence[int], predicted: Sequence[int]) -> dict[str, float]:
    """Accuracy, macro F1 and Matthews correlation, computed by scikit-learn."""
    from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

    return {
        "accuracy": float(accuracy_score(labels, predicted)),
        "macro_f1": float(f1_score(labels, predicted, average="macro")),
        "matthews": float(matthews_corrcoef(labels, predicted)),
    }


def majority_accuracy(train_labels: Sequence[int], test_labels: Sequence[int]) -> float:
    """Test accuracy of always saying the most frequent training label (ties: the lowest)."""
    counts = Counter(train_labels)
    most = min(counts, key=lambda label: (-counts[label], label))
    return sum(label == most for label in test_labels) / len(test_labels)
