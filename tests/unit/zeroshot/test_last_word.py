import math

import pytest

from gptpath.zeroshot.items import LastWordItem
from gptpath.zeroshot.last_word import (
    detokenized,
    score_lambada,
    score_lambada_plain,
    score_last_word,
)
from gptpath.zeroshot.stop_words import barred_tokens

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


def test_function_words_are_no_answer_where_the_list_is_applied(knowing, report, monkeypatch):
    seen = []
    scorer = knowing(lambda context, _: TABLE[context])
    plain = scorer.log_likelihoods

    def with_bar(requests):
        seen.append([(request.context, len(request.barred)) for request in requests])
        answers = plain(requests)
        for request, (answer,) in zip(requests, answers, strict=True):
            if request.barred:
                answer.greedy[0] = True  # the barred ones alone were more probable
        return answers

    monkeypatch.setattr(scorer, "log_likelihoods", with_bar)
    items = [*ITEMS, LastWordItem(id="e", context="five", target="zz")]
    monkeypatch.setitem(TABLE, "five", [-2.0, -0.5, -0.5])  # only its first token is not greedy
    result = score_lambada(scorer, report, items)
    scores = {score.metric: score.value for score in result.scores}
    assert scores["accuracy"] == 1 / 5
    assert scores["accuracy-stop-words"] == 2 / 5
    assert [context for context, _ in seen[1]] == ["five"]  # no other one can become right


def test_the_list_bars_whole_words_alone(make_scorer):
    encoding = make_scorer().encoding
    barred = {encoding.decode([token]) for token in barred_tokens(encoding)}
    assert barred == {"a", "A", "i", "I"}  # single bytes are all that this encoding has


def test_the_original_release_is_scored_as_published_and_detokenized(knowing, report):
    asked = []

    def judge(context, text):
        asked.append((context, text))
        return [-0.5 if "." not in context else -2.0] * len(text)

    item = LastWordItem(id="a", context="it ended . he said , no ", target="more")
    result = score_lambada_plain(knowing(judge), report, [item], detokenized([item]))
    assert asked == [
        ("it ended . he said , no ", "more"),
        ("it ended. he said, no ", "more"),
    ]
    assert {s.metric.rpartition("-")[2] for s in result.scores} == {"raw", "detokenized"}
