import pytest

from gptpath.finetune.metrics import majority_accuracy, scores


def test_scores_of_a_confusion_worked_by_hand():
    # true positives 2, false negatives 1, false positives 1, true negatives 4
    labels = [1, 1, 1, 0, 0, 0, 0, 0]
    predicted = [1, 1, 0, 1, 0, 0, 0, 0]
    found = scores(labels, predicted)
    assert found["accuracy"] == pytest.approx(6 / 8)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found["matthews"] == pytest.approx((2 * 4 - 1 * 1) / (3 * 3 * 5 * 5) ** 0.5)


def test_a_constant_prediction_has_no_correlation():
    assert scores([0, 1, 2], [1, 1, 1])["matthews"] == 0.0


def test_the_majority_label_comes_from_training_items():
    assert majority_accuracy([2, 2, 1], [1, 1, 1, 2]) == 0.25


def test_equal_counts_take_the_lowest_label():
    assert majority_accuracy([1, 0], [0, 0, 1, 1, 1]) == 0.4
