import numpy as np
import pytest
from sklearn.metrics import matthews_corrcoef

from gptpath.zeroshot.acceptability import (
    best_threshold,
    complete_pairs,
    score_acceptability,
)
from gptpath.zeroshot.items import AcceptabilityItem
from gptpath.zeroshot.statistics import matthews


def item(pair, natural, text="some text"):
    return AcceptabilityItem(id=f"{pair}{natural}", text=text, natural=natural, pair=pair)


def pairs(count, natural=" good", corrupted=" bad"):
    return [
        (item(f"p{i}", True, f"{i}{natural}"), item(f"p{i}", False, f"{i}{corrupted}"))
        for i in range(count)
    ]


def test_pairs_without_exactly_one_of_each_kind_are_counted_out():
    items = [item("a", True), item("a", False), item("b", True), item("c", True), item("c", True)]
    found, lonely = complete_pairs(items)
    assert [[m.natural for m in pair] for pair in found] == [[True, False]]
    assert lonely == 3


def test_the_limit_counts_items_and_keeps_pairs_whole():
    items = [item(f"p{i}", natural) for i in range(9) for natural in (True, False)]
    assert len(complete_pairs(items, 7)[0]) == 3
    assert len(complete_pairs(items, 1)[0]) == 1


def test_matthews_equals_scikit_learns():
    rng = np.random.default_rng(0)
    truth, called = rng.integers(0, 2, (2, 50))
    table = [((called == c) & (truth == t)).sum() for c, t in ((1, 1), (1, 0), (0, 1), (0, 0))]
    assert matthews(np.array(table, float)) == pytest.approx(matthews_corrcoef(truth, called))


def test_matthews_is_zero_when_everything_is_called_the_same():
    assert matthews(np.array([5.0, 5.0, 0.0, 0.0])) == 0


def test_the_threshold_separates_what_can_be_separated():
    values = np.array([-3.0, -1.0, -2.5, -0.5])
    assert best_threshold(values, np.array([False, True, False, True])) == pytest.approx(-1.75)


def test_a_model_that_knows_scores_one_and_its_threshold_comes_from_the_tuning_pairs(
    knowing, report
):
    def judge(_, text):
        return [-1.0 if "good" in text else -2.0] * len(text)

    result = score_acceptability(knowing(judge), report, pairs(5), pairs(8))
    values = {score.metric: score.value for score in result.scores}
    assert values == {"mcc": 1.0, "accuracy": 1.0, "pair-accuracy": 1.0, "pair-accuracy-sum": 1.0}
    assert {score.items for score in result.scores} == {8}
    assert [len(record.candidates) for record in result.records] == [2] * 8


def test_a_threshold_tuned_on_other_values_can_fail_on_the_test_pairs(knowing, report):
    def judge(_, text):
        base = -1.0 if "good" in text else -2.0
        return [base - (10 if "test" in text else 0)] * len(text)

    test = pairs(6, " good test", " bad test")
    result = score_acceptability(knowing(judge), report, pairs(5), test)
    values = {score.metric: score.value for score in result.scores}
    assert values["mcc"] == 0.0
    assert values["accuracy"] == 0.5
    assert values["pair-accuracy"] == 1.0


def test_mean_and_sum_differ_for_corruptions_of_another_length(knowing, report):
    def judge(_, text):
        return [-1.0 if "good" in text else -1.5] * len(text)

    test = pairs(4, " good and much longer", " bad")
    result = score_acceptability(knowing(judge), report, pairs(3), test)
    values = {score.metric: score.value for score in result.scores}
    assert (values["pair-accuracy"], values["pair-accuracy-sum"]) == (1.0, 0.0)


def test_the_threshold_is_the_best_of_all_cuts_ties_included():
    rng = np.random.default_rng(1)
    for _ in range(50):
        values = rng.integers(0, 6, 12) / 2
        natural = rng.random(12) < 0.5
        found = best_threshold(values, natural)

        def score(cut, values=values, natural=natural):
            called = values > cut
            cells = (called & natural, called & ~natural, ~called & natural, ~called & ~natural)
            return float(matthews(np.array([cell.sum() for cell in cells], float)))

        ordered = np.sort(values)
        cuts = (ordered[1:] + ordered[:-1]) / 2
        assert score(found) == pytest.approx(max(map(score, cuts)))


def test_one_tuning_value_is_its_own_threshold():
    assert best_threshold(np.array([-2.0]), np.array([True])) == -2.0
