import tracemalloc

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import accuracy_score, f1_score, matthews_corrcoef

from gptpath.finetune.intervals import bootstrap, from_tables
from gptpath.finetune.metrics import (
    chance_score,
    confusion,
    correlations,
    majority_score,
    score,
    scores,
)

LABEL_METRICS = {"accuracy": accuracy_score, "f1": f1_score, "matthews": matthews_corrcoef}


def test_scores_of_a_confusion_worked_by_hand():
    # true positives 2, false negatives 1, false positives 1, true negatives 4
    labels = [1, 1, 1, 0, 0, 0, 0, 0]
    predicted = [1, 1, 0, 1, 0, 0, 0, 0]
    found = scores(labels, predicted)
    assert found["accuracy"] == pytest.approx(6 / 8)
    assert found["f1"] == pytest.approx(2 / 3)
    assert found["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found["matthews"] == pytest.approx((2 * 4 - 1 * 1) / (3 * 3 * 5 * 5) ** 0.5)


def test_f1_is_that_of_label_1_and_absent_where_there_are_more():
    assert score("f1", [1, 1, 0], [1, 0, 0]) == pytest.approx(2 / 3)
    assert score("f1", [1, 1], [0, 0]) == 0.0
    assert "f1" not in scores([0, 1, 2], [0, 1, 2])


def test_a_constant_prediction_has_no_correlation():
    assert scores([0, 1, 2], [1, 1, 1])["matthews"] == 0.0
    assert correlations([0.0, 1.0, 2.0], [1.0, 1.0, 1.0]) == {"pearson": 0.0, "spearman": 0.0}


def test_correlations_worked_by_hand():
    found = correlations([1.0, 2.0, 3.0], [1.0, 4.0, 9.0])
    assert found["spearman"] == pytest.approx(1.0)
    assert found["pearson"] == pytest.approx(8 / (2 * (98 / 3)) ** 0.5)


def test_the_majority_label_comes_from_training_items_and_is_the_lowest_of_equals():
    assert majority_score("accuracy", [2, 2, 1], [1, 1, 1, 2]) == 0.25
    assert majority_score("accuracy", [1, 0], [0, 0, 1, 1, 1]) == 0.4
    assert majority_score("f1", [1, 1, 0], [1, 0, 0]) == pytest.approx(0.5)
    assert majority_score("matthews", [1, 1, 0], [1, 0, 0]) == 0.0
    assert majority_score("pearson", [3.5, 2.0], [1.0]) == 0.0


def test_chance_follows_the_number_of_answers_of_each_item():
    assert chance_score("accuracy", [2, 4], [0, 3]) == pytest.approx(0.375)
    assert chance_score("matthews", [2, 2], [0, 1]) == 0.0


def test_chance_of_f1_is_what_coins_score():
    labels = [1] * 60 + [0] * 40
    random = np.random.default_rng(0)
    thrown = [f1_score(labels, random.integers(0, 2, 100)) for _ in range(400)]
    assert chance_score("f1", [2] * 100, labels) == pytest.approx(np.mean(thrown), abs=0.01)


def test_a_confusion_table_has_true_labels_in_its_rows():
    assert confusion([0, 0, 1], [1, 0, 1], 3) == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


@pytest.mark.parametrize("metric", LABEL_METRICS)
@pytest.mark.parametrize("n_labels", [2, 3])
def test_scores_of_confusion_tables_are_scikit_learns(metric, n_labels):
    if metric == "f1" and n_labels > 2:
        pytest.skip("f1 is that of one of two labels")
    random = np.random.default_rng(1)
    pairs = [random.integers(0, n_labels, (2, 30)) for _ in range(5)] + [np.zeros((2, 30), int)]
    tables = np.array([confusion(a, b, n_labels) for a, b in pairs], float)
    options = {"zero_division": 0.0} if metric == "f1" else {}
    expected = [LABEL_METRICS[metric](a, b, **options) for a, b in pairs[:-1]]
    found = from_tables(metric, tables)
    assert found[:-1] == pytest.approx(expected)
    assert found[-1] == (1.0 if metric == "accuracy" else 0.0)


@pytest.mark.parametrize("metric", [*LABEL_METRICS, "pearson", "spearman"])
def test_an_interval_is_that_of_items_drawn_one_by_one(metric):
    random = np.random.default_rng(2)
    if metric in LABEL_METRICS:
        labels = random.integers(0, 2, 80)
        predicted = np.where(random.random(80) < 0.7, labels, 1 - labels)
        measure = LABEL_METRICS[metric]
    else:
        labels = random.integers(0, 20, 80) / 4
        predicted = labels + random.normal(0, 2, 80)
        of = {"pearson": pearsonr, "spearman": spearmanr}[metric]
        measure = lambda a, b: of(a, b).statistic  # noqa: E731
    drawn = [random.integers(0, 80, 80) for _ in range(1500)]
    expected = np.quantile([measure(labels[i], predicted[i]) for i in drawn], [0.025, 0.975])
    found = bootstrap(metric, labels.tolist(), predicted.tolist(), samples=4000, seed=3)
    assert found == pytest.approx(expected, abs=0.03)
    again = bootstrap(metric, labels.tolist(), predicted.tolist(), samples=4000, seed=3)
    assert again == found


def test_tables_of_many_labels_are_drawn_a_few_at_a_time(monkeypatch):
    random = np.random.default_rng(4)
    labels, predicted = random.integers(0, 150, (2, 300)).tolist()
    tracemalloc.start()
    found = bootstrap("accuracy", labels, predicted, samples=1000, seed=3)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**27  # all thousand tables would take 2**27.4 bytes, twice
    monkeypatch.setattr("gptpath.finetune.intervals._CELLS_AT_ONCE", 2**40)
    assert bootstrap("accuracy", labels, predicted, samples=1000, seed=3) == found
