"""The interval of two classifiers' difference, against a plain loop over the same draws."""

import numpy as np
import pytest

from gptpath.finetune.metrics import CORRELATIONS, score
from gptpath.gate.decision import ScoreRule, decide
from gptpath.gate.scores import PairedAnswers, paired_scores

SETTINGS = {"confidence": 0.9, "samples": 60, "seed": 3}


def answers(metric: str, items: int = 80) -> PairedAnswers:
    """A champion that is right about half of the time, a challenger more often."""
    chooser = np.random.default_rng(5)
    if metric in CORRELATIONS:
        labels = chooser.uniform(0, 5, items)
        noise = chooser.standard_normal((2, items))
        return PairedAnswers(
            labels=labels, champion=labels + 3 * noise[0], challenger=labels + noise[1]
        )
    labels = chooser.integers(0, 2 if metric == "f1" else 4, items).astype(float)
    said = chooser.integers(0, 2, (2, items)).astype(float)
    wrong = chooser.random((2, items)) < [[0.5], [0.2]]
    champion, challenger = np.where(wrong, said, labels)
    return PairedAnswers(labels=labels, champion=champion, challenger=challenger)


@pytest.mark.parametrize("metric", ["accuracy", "f1", "matthews", "pearson", "spearman"])
def test_scores_and_interval_are_those_of_the_metric_on_equal_draws(metric: str) -> None:
    given = answers(metric)
    found = paired_scores(given, metric, **SETTINGS)
    chooser, differences = np.random.default_rng(SETTINGS["seed"]), []

    def measured(said, places) -> float:
        return score(metric, given.labels[places].tolist(), said[places].tolist())

    for _ in range(SETTINGS["samples"]):
        places = chooser.integers(0, len(given.labels), len(given.labels))
        differences.append(measured(given.challenger, places) - measured(given.champion, places))
    everything = slice(None)
    assert found.champion == pytest.approx(measured(given.champion, everything), abs=1e-12)
    assert found.challenger == pytest.approx(measured(given.challenger, everything), abs=1e-12)
    assert found.mean == found.challenger - found.champion
    low, high = np.quantile(differences, [0.05, 0.95])
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.items == len(given.labels)


def test_the_interval_does_not_depend_on_how_many_draws_are_held_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = paired_scores(answers("matthews"), "matthews", **SETTINGS)
    monkeypatch.setattr("gptpath.gate.scores._AT_ONCE", 7 * 80)
    assert paired_scores(answers("matthews"), "matthews", **SETTINGS) == whole


def test_what_is_hard_for_both_cancels_out() -> None:
    chooser = np.random.default_rng(0)
    labels = chooser.integers(0, 2, 200).astype(float)
    champion = np.where(np.arange(200) < 100, labels, 1 - labels)
    challenger = champion.copy()
    challenger[100:112] = labels[100:112]
    given = PairedAnswers(labels=labels, champion=champion, challenger=challenger)
    found = paired_scores(given, "accuracy", confidence=0.95, samples=2000, seed=0)
    assert found.mean == pytest.approx(0.06)
    assert 0.02 < found.low < 0.04, "of two separate samples it would reach below zero"
    same = paired_scores(
        PairedAnswers(labels=labels, champion=champion, challenger=champion),
        "accuracy",
        **SETTINGS,
    )
    assert (same.low, same.high) == (0, 0)


def test_a_classifier_is_better_above_zero_not_below() -> None:
    given = answers("accuracy")
    rule = ScoreRule(metric="accuracy", margin=0.0, **SETTINGS)
    better = paired_scores(given, "accuracy", **SETTINGS)
    verdict, [reason] = decide([], better, rule)
    assert verdict == "promote"
    assert reason.startswith("better beyond the margin of 0: +0.")
    assert "accuracy on 80 items, 90% interval" in reason
    turned = PairedAnswers(
        labels=given.labels, champion=given.challenger, challenger=given.champion
    )
    verdict, [reason] = decide([], paired_scores(turned, "accuracy", **SETTINGS), rule)
    assert (verdict, reason.split(":")[0]) == ("refuse", "worse")
    wide = ScoreRule(metric="accuracy", margin=better.low, **SETTINGS)
    assert decide([], better, wide)[0] == "refuse"
