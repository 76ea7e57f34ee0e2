import pytest

from gptpath.zeroshot.heuristics import (
    SentenceItem,
    score_cola,
    score_pronouns,
    score_race,
    score_sentiment,
)
from gptpath.zeroshot.items import ChoiceItem, SchemaItem


def values(result):
    return {score.metric: score.value for score in result.scores}


def sentence(number, text, label):
    return SentenceItem(id=str(number), text=text, label=label)


def test_colas_threshold_comes_from_the_tuning_sentences(knowing, report):
    scorer = knowing(lambda _, text: [-1.0 if "good" in text else -2.0] * len(text))
    tuning = [sentence(0, "good one", 1), sentence(1, "ill one", 0)]
    test = [sentence(n, "all good" if n % 3 else "ill", int(n % 3 > 0)) for n in range(9)]
    result = score_cola(scorer, report, tuning, test)
    assert values(result) == {"mcc": 1.0, "accuracy": 1.0}
    mcc, accuracy = result.scores
    assert (mcc.random, mcc.majority) == (0.0, 0.0)
    assert accuracy.majority == pytest.approx(6 / 9)
    [margin] = result.records[0].measures[0].judged
    assert margin == pytest.approx(-0.5)  # half-way between -1 and -2
    low = [sentence(0, "good", 1), sentence(1, "good", 0), sentence(2, "ill", 1)]
    assert values(score_cola(scorer, report, low, test))["mcc"] != 1.0  # its cut lies elsewhere


def test_sentiment_compares_the_two_words_after_very(knowing, report):
    asked = []

    def judge(context, text):
        asked.append((context, text))
        good = "fine" in context
        return [-0.1 if (text == " positive") == good else -2.0] * len(text)

    items = [sentence(0, "a fine film", 1), sentence(1, "a bad film", 0)]
    result = score_sentiment(knowing(judge), report, items)
    assert values(result) == {"accuracy": 1.0}
    assert asked[:2] == [("a fine film very", " negative"), ("a fine film very", " positive")]


def test_race_goes_by_the_mean_and_not_by_the_sum(knowing, report):
    item = ChoiceItem(id="a", context="Text.\nWhy?", choices=(" longer", " no"), label=0)
    result = score_race(
        knowing(lambda _, text: [-1.0 if "longer" in text else -1.5] * len(text)), report, [item]
    )
    assert values(result) == {"accuracy": 1.0}
    assert result.records[0].log_probs == pytest.approx((-7.0, -4.5))


def test_referents_are_judged_by_the_mean_of_what_follows_them(knowing, report):
    item = SchemaItem(
        id="a",
        contexts=("Ann and Bo: Ann", "Ann and Bo: Bo"),
        continuation=" left.",
        label=1,
    )
    judged = {
        "Ann and Bo: Ann left.": [-0.1] * 15 + [-1.0] * 6,
        "Ann and Bo: Bo left.": [-9.0] * 14 + [-0.5] * 6,
    }
    result = score_pronouns(knowing(lambda _, text: judged[text]), report, [item])
    assert values(result) == {"accuracy": 1.0}
    assert result.records[0].measures[0].judged == pytest.approx((-1.0, -0.5))
