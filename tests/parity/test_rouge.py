"""ROUGE is the rouge-score package's, with stemming; its definition checked by hand."""

import pytest
from rouge_score.rouge_scorer import RougeScorer

from gptpath.zeroshot.answers import rouge

REFERENCE = "the cat sat on the mat"
TEXTS = ["the cats were sitting on a mat", "on the mat sat the cat", "", REFERENCE]


def test_values_are_those_of_the_package() -> None:
    theirs = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    ours = rouge(TEXTS, [[REFERENCE]] * len(TEXTS))
    for place, text in enumerate(TEXTS):
        expected = theirs.score(REFERENCE, text)
        for kind, name in {"rouge1": "rouge-1", "rouge2": "rouge-2", "rougeL": "rouge-l"}.items():
            assert ours[name][place] == expected[kind].fmeasure


def test_values_are_those_of_the_definition() -> None:
    ours = rouge(["on the mat sat the cat"], [[REFERENCE]])
    assert ours["rouge-1"] == [1.0]  # the same six words
    # Bigrams in common: "the cat", "on the", "the mat"; five in each text.
    assert ours["rouge-2"] == [pytest.approx(3 / 5)]
    # Longest common subsequence: "on the mat" or "the mat"... three of six words.
    assert ours["rouge-l"] == [pytest.approx(3 / 6)]
