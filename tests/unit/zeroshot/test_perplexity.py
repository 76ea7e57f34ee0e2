import math

import numpy as np
import pytest

from gptpath.zeroshot.perplexity import TextSet, score_heldout, score_text, words_of


def test_bits_per_byte_counts_the_nats_of_end_of_text_but_not_its_bytes(make_scorer, report):
    scorer = make_scorer()
    tokens = np.array([*b"some text", 256, *b"more", 256])
    lengths = np.append(np.ones(256, dtype=np.int64), 0)
    found = {s.metric: s for s in score_heldout(scorer, report, tokens, lengths).scores}
    nats = -scorer.rolling(tokens).total
    assert found["perplexity"].value == pytest.approx(math.exp(nats / len(tokens)))
    assert found["bpb"].value == pytest.approx(nats / math.log(2) / 13)


def test_wikitext_counts_an_end_of_line_as_a_word():
    assert words_of([" a b , c \n", " \n"]) == 4 + 1 + 1


def test_wikitext_reports_tokens_words_spellings_and_strides_in_columns_of_their_own(
    make_scorer, report
):
    scorer = make_scorer()
    text = TextSet(
        spellings={"raw": (" the cat , a @-@ b \n",) * 3, "detokenized": ("the cat, a-b\n",) * 3},
        units={"word": 3 * 7},
    )
    found = {s.metric: s for s in score_text(scorer, report, text).scores}
    assert len(found) == 8
    raw = " the cat , a @-@ b \n" * 3
    nats = -scorer.rolling(np.array(list(raw.encode())), stride=12).total
    by_word = found["word-perplexity-raw-half-stride"]
    assert by_word.value == pytest.approx(math.exp(nats / (3 * 7)))
    by_token = found["token-perplexity-raw-half-stride"]
    assert by_token.value == pytest.approx(math.exp(nats / len(raw)))
    assert by_word.low < by_word.value < by_word.high
