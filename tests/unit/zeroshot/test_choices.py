from dataclasses import replace

import numpy as np
import pytest
from ftfy.fixes import uncurl_quotes

from gptpath.tokens.gpt1 import NEWLINE, Gpt1Encoding
from gptpath.tokens.gpt1_words import standardise
from gptpath.zeroshot.choices import opening, score_cloze, score_continuation, score_winograd
from gptpath.zeroshot.items import ChoiceItem, ClozeItem, SchemaItem
from gptpath.zeroshot.likelihood import Likelihood


def values(result):
    return {score.metric: score.value for score in result.scores}


def per_byte(table):
    """A judge that gives each listed piece of text its log-probability per byte, others -1."""

    def judge(_, text):
        found = [-1.0] * len(text)
        for piece, log_prob in table.items():
            start = text.find(piece)
            if start >= 0:
                found[start : start + len(piece)] = [log_prob] * len(piece)
        return found

    return judge


def test_cloze_counts_the_rest_of_the_sentence_and_not_the_candidate_alone(knowing, report):
    item = ClozeItem(id="a", before="The", choices=(" cat", " dog"), after=" sat.", label=1)
    # The cat itself is likelier, but the sentence goes on better after the dog.
    table = {("The", " cat sat."): [-0.1] * 4 + [-4.0] * 5, ("The", " dog sat."): [-2.0] * 9}
    result = score_cloze(knowing(lambda *asked: table[asked]), report, [item])
    assert values(result) == {"accuracy": 1.0, "accuracy-candidate-only": 0.0}
    [record] = result.records
    assert record.chosen == record.label == 1
    assert record.log_probs == pytest.approx((-20.4, -18.0))


def test_continuation_by_mean_and_by_sum_are_separate_columns(knowing, report):
    item = ChoiceItem(id="a", context="c", choices=(" longer text", " s"), label=0)
    table = {" longer text": -0.5, " s": -1.0}  # the better mean, the worse sum
    result = score_continuation(knowing(per_byte(table)), report, [item])
    assert values(result)["accuracy"] == 1.0
    assert values(result)["accuracy-sum"] == 0.0


def test_the_gain_prefers_what_the_context_makes_likelier_than_it_is_anywhere(knowing, report):
    item = ChoiceItem(id="a", context="c", choices=(" ab", " xy"), label=0)
    table = {
        ("c", " ab"): [-2.0] * 3,
        ("c", " xy"): [-1.0] * 3,
        ("", " ab"): [-4.0] * 3,
        ("", " xy"): [-1.0] * 3,
    }
    result = score_continuation(knowing(lambda *asked: table[asked]), report, [item])
    assert values(result) == {"accuracy": 0.0, "accuracy-sum": 0.0, "accuracy-gain": 1.0}


def test_chance_follows_the_number_of_choices(knowing, report):
    items = [
        ChoiceItem(id="a", context="c", choices=(" x", " y"), label=0),
        ChoiceItem(id="b", context="c", choices=(" x", " y", " z", " w"), label=0),
    ]
    result = score_continuation(knowing(per_byte({})), report, items)
    assert {score.chance for score in result.scores} == {(1 / 2 + 1 / 4) / 2}


def test_winograd_partial_ignores_how_likely_the_candidate_itself_is(knowing, report):
    item = SchemaItem(
        id="a",
        contexts=("It broke: the cup", "It broke: the table"),
        continuation=" fell.",
        label=1,
    )
    judged = {
        "It broke: the cup fell.": [-0.1] * 17 + [-1.0] * 6,
        "It broke: the table fell.": [-2.0] * 19 + [-0.5] * 6,
    }
    result = score_winograd(knowing(lambda _, text: judged[text]), report, [item])
    assert values(result) == {"accuracy": 1.0, "accuracy-full": 0.0}
    [record] = result.records
    assert record.measures[0].judged == pytest.approx((-6.0, -3.0))
    assert record.log_probs == pytest.approx((-7.7, -41.0))


def test_every_score_has_an_interval_around_it_and_names_its_protocol(knowing, report):
    items = [
        ChoiceItem(id=str(i), context="c", choices=(" x", " y"), label=i % 2) for i in range(20)
    ]
    result = score_continuation(knowing(per_byte({" x": -0.5})), report, items)
    for score in result.scores:
        assert score.low < score.value == 0.5 < score.high
        assert score.items == 20
        assert score.protocol.startswith("continuation-")


@pytest.mark.parametrize("start", ["The café — Zoë", "“Bob”", "Ann’s cat", "naïve 漢字"])
def test_an_opening_ends_where_an_encoding_that_respells_it_ends(knowing, start):
    """GPT-1's standardisation makes other bytes of these texts, fewer or more."""
    letters = {letter: n for n, letter in enumerate(["<unk>", *map(chr, range(33, 127)), "é", "ï"])}
    ends = {f"{letter}</w>": len(letters) + n for n, letter in enumerate(letters)}
    encoder = {**letters, **ends, NEWLINE: len(letters) + len(ends)}
    words = lambda text: standardise(uncurl_quotes(text)).lower().split()  # noqa: E731
    encoding = Gpt1Encoding("gpt1", merges=[], encoder=encoder, words=words)
    tokens = np.array(encoding.encode_ordinary(f"{start} left early."))
    answer = Likelihood(tokens=tokens, log_probs=-np.ones(len(tokens)), greedy=tokens > 0)
    scorer = replace(knowing(lambda *_: []), encoding=encoding)
    assert opening(scorer, answer, start)[1] == len(tokens) - len("leftearly.")
