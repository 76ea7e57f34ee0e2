from dataclasses import replace

import pytest

from gptpath.zeroshot.items import SummaryItem
from gptpath.zeroshot.summary import HINT, SummarySettings, score_summaries, sentences

SETTINGS = SummarySettings(max_new_tokens=6, top_k=2, seed=0)
ITEMS = [
    SummaryItem(id="a", article="Lead one. Other words here. Third.", summary="lead one"),
    SummaryItem(id="b", article="Nothing shared. At all.", summary="quite different"),
]


class WritingScorer:
    """Stands in for a model that answers with the summary when it is hinted at one."""

    context_length = 40

    def __init__(self, encoding):
        self.encoding = encoding
        self.prompts = []

    def generate(self, prompts, *, max_new_tokens, top_k, seed):
        assert (max_new_tokens, top_k, seed) == (6, 2, 0)
        self.prompts += prompts
        return [" lead one. And more." if p.endswith(HINT) else " none" for p in prompts]


def test_sentences_end_at_punctuation_and_at_blank_lines_but_not_at_line_ends():
    text = "First one.  Second\ngoes on! Third?\n\nNo stop\n\n  \n1.5 is one"
    assert sentences(text) == ["First one.", "Second goes on!", "Third?", "No stop", "1.5 is one"]


def test_only_the_first_sentence_of_what_is_written_counts(encoding, report):
    result = score_summaries(WritingScorer(encoding), report, ITEMS, SETTINGS)
    scores = {score.metric: score for score in result.scores}
    assert scores["rouge-1"].value == pytest.approx(0.5)  # 1 for the first item, 0 for the second
    assert scores["rouge-1-no-hint"].value == 0
    assert scores["rouge-1-lead"].value == pytest.approx(0.5)
    assert scores["rouge-1"].chance == scores["rouge-1-random"].value
    assert [r.candidates for r in result.records] == [("lead one.", "none"), ("lead one.", "none")]
    assert [r.references for r in result.records] == [("lead one",), ("quite different",)]


def test_rouge_l_of_several_sentences_is_told_by_sentences_too(encoding, report):
    """The reference's lines in another order: by sentences nothing is lost."""
    article = "Dogs bark at night. Cats sleep all day. More of it."
    item = SummaryItem(id="a", article=article, summary="Cats sleep all day.\nDogs bark at night.")
    settings = replace(SETTINGS, sentences=2)
    result = score_summaries(WritingScorer(encoding), report, [item], settings)
    values = {score.metric: score.value for score in result.scores}
    assert values["rouge-l-summary-lead"] == 1
    assert values["rouge-l-lead"] == pytest.approx(0.5)
    single = score_summaries(WritingScorer(encoding), report, [item], SETTINGS)
    assert not any(score.metric.startswith("rouge-l-summary") for score in single.scores)


def test_long_articles_are_cut_at_their_end_so_that_hint_and_summary_fit(encoding, report):
    scorer = WritingScorer(encoding)
    long = SummaryItem(id="a", article="é" * 60, summary="s")
    score_summaries(scorer, report, [long], SETTINGS)
    hinted, plain = scorer.prompts
    assert hinted == plain + HINT
    assert set(plain) == {"é"}
    assert len(hinted.encode()) <= scorer.context_length - SETTINGS.max_new_tokens
