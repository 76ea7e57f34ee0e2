import math

import pytest

from gptpath.zeroshot.items import LastWordItem
from gptpath.zeroshot.last_word import score_last_word

ITEMS = [
    LastWordItem(id="a", context="one", target="ab"),
    LastWordItem(id="b", context="two", target="ab"),
    LastWordItem(id="c", context="three", target="xy"),
    LastWordItem(id="d", context="four", target="uv"),
]
TABLE = {
    "one": [-0.5, -0.5, -0.5],  # all greedy
    "two": [-0.5, -2.0, -0.5],  # last token greedy, whole word not
    "three": [-0.5, -0.5, -2.0],
    "four": [-2.0, -2.0, -2.0],
}


@pytest.fixture
def result(knowing, report):
    return score_last_word(knowing(lambda context, _: TABLE[context]), report, ITEMS)


def test_the_whole_word_counts_only_if_every_token_is_greedy(result):
    scores = {score.metric: score for score in result.scores}
    assert scores["accuracy"].value == 1 / 4
    assert scores["last-token-accuracy"].value == 2 / 4
    assert [record.correct for record in result.records] == [True, True, False, False]
    whole = [record.measures[1] for record in result.records]
    assert {measure.metric for measure in whole} == {"accuracy"}
    assert [measure.sums[0] for measure in whole] == [1, 0, 0, 0]


def test_perplexity_is_per_word_not_per_token(result):
    [score] = [s for s in result.scores if s.metric == "perplexity"]
    assert score.value == pytest.approx(math.exp((1.5 + 3.0 + 3.0 + 6.0) / 4))
    assert score.low < score.value < score.high
    assert score.chance == pytest.approx(257**3)


def test_chance_is_the_best_constant_answer(result):
    scores = {score.metric: score for score in result.scores}
    assert scores["accuracy"].chance == 2 / 4  # "ab"
    assert scores["last-token-accuracy"].chance == 2 / 4  # "b"
    assert scores["last-token-accuracy"].random == 1 / 257


def test_the_target_is_asked_for_with_the_space_before_it(knowing, report):
    asked = []

    def judge(context, text):
        asked.append((context, text))
        return [-1.5] * len(text)

    on_a_new_line = LastWordItem(id="e", context="five\n", target="ab")
    score_last_word(knowing(judge), report, [ITEMS[0], on_a_new_line])
    assert asked == [("one", " ab"), ("five\n", "ab")]
