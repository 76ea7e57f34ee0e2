"""Odd items by stated rules: long contexts, candidates that begin alike, letters of all kinds."""

import math

import pytest

from gptpath.config.prompts import PromptTask
from gptpath.zeroshot.cloze_books import BookItem, score_books
from gptpath.zeroshot.heuristics import SentenceItem, score_cola, score_race, score_sentiment
from gptpath.zeroshot.items import ChoiceItem, LastWordItem
from gptpath.zeroshot.last_word import detokenized, score_lambada, score_lambada_plain
from gptpath.zeroshot.prompt_items import PromptItem
from gptpath.zeroshot.prompting import score_prompts

ODD = (
    "naïve café",
    "漢字かな",
    "🙂🏽 ok",
    "e\u0301 = é",
    "\u202eabc",
    "a\x00b",
    "tab\tand\nline",
    "x" * 90,
)
TASK = PromptTask(files=("f",), prompt="p", choices="c", answer="a")


def prompt(context, candidates, label=0):
    return PromptItem(
        id="a", contexts=(context,), candidates=candidates, label=label, references=()
    )


def finite(result):
    return all(
        math.isfinite(value) and (score.high >= score.low)
        for score in result.scores
        for value in (score.value, score.low, score.high)
    )


@pytest.mark.parametrize("batch_size", [1, 7, 64])
@pytest.mark.parametrize("family", ["gpt2", "gpt1", "lstm"])
def test_odd_texts_are_scored_alike_at_every_batch_size(make_scorer, report, family, batch_size):
    """The window has 24 tokens, so most of these contexts do not fit."""
    items = [prompt(context, (ODD[n - 1], context)) for n, context in enumerate(ODD)]
    found = score_prompts(make_scorer(family, batch_size=batch_size), report, items, TASK)
    expected = score_prompts(make_scorer(family, batch_size=16), report, items, TASK)
    assert finite(found)
    for one, other in zip(found.records, expected.records, strict=True):
        assert one.log_probs == pytest.approx(other.log_probs, abs=1e-4)
        assert [m.chosen for m in one.measures] == [m.chosen for m in other.measures]


def test_a_candidate_that_begins_another_is_scored_without_an_end(make_scorer, report):
    items = [prompt("Why?", ("be", "because")), prompt("Why?", ("because", "be"))]
    first, second = score_prompts(make_scorer(), report, items, TASK).records
    assert first.log_probs == pytest.approx(second.log_probs[::-1])
    assert first.log_probs[0] > first.log_probs[1]  # its tokens are the first of the other's
    assert first.token_counts == (3, 8)


def test_equal_candidates_tie_and_the_first_wins(make_scorer, report):
    result = score_prompts(make_scorer(), report, [prompt("Q", ("same", "same"), 1)], TASK)
    assert result.records[0].chosen == 0
    assert result.scores[0].value == 0.0


def test_every_protocol_takes_odd_texts_and_windows_that_are_too_short(make_scorer, report):
    scorer = make_scorer()
    words = [LastWordItem(id=t, context=f"{t} and ", target="end") for t in ODD]
    sentences = [SentenceItem(id=t, text=t, label=n % 2) for n, t in enumerate(ODD)]
    races = [ChoiceItem(id=t, context=t * 2, choices=(f" {t}", " no"), label=0) for t in ODD]
    books = [
        BookItem(id=t, context=t, before="", after=" . ", options=(t, "cat"), label=0) for t in ODD
    ]
    for result in (
        score_lambada(scorer, report, words),
        score_lambada_plain(scorer, report, words, detokenized(words)),
        score_cola(scorer, report, sentences, sentences),
        score_sentiment(scorer, report, sentences),
        score_race(scorer, report, races),
        score_books(scorer, report, books),
    ):
        assert finite(result)
        assert len(result.records) == len(ODD)
