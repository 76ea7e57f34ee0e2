import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptpath.errors import TokenError
from gptpath.tokens.encoding import Encoding, token_byte_lengths
from gptpath.tokens.gpt1 import Gpt1Encoding
from gptpath.tokens.gpt1_words import basic_words, standardise, words_of

SYMBOLS = ["<unk>", "c", "a", "t", "s</w>", "t</w>", "ca", "cat</w>", "cat", "\n</w>"]
MERGES = [("c", "a"), ("ca", "t</w>"), ("ca", "t")]


@pytest.fixture
def encoding() -> Gpt1Encoding:
    return Gpt1Encoding(
        "small",
        merges=MERGES,
        encoder={symbol: number for number, symbol in enumerate(SYMBOLS)},
        words=lambda text: text.lower().replace("\n", " \n ").split(" "),
    )


def test_merges_follow_their_order_and_the_end_of_a_word_is_part_of_its_last_letter(encoding):
    assert encoding.encode_ordinary("cat cats") == [7, 8, 4]
    assert encoding.encode_ordinary("tat") == [3, 2, 5]


def test_an_unknown_letter_is_id_zero_and_case_is_lost(encoding):
    assert encoding.encode_ordinary("CxT") == [1, 0, 5]


def test_the_newline_is_the_last_id_and_stands_for_end_of_text(encoding):
    assert encoding.eot_token == encoding.n_vocab - 1 == 9
    assert encoding.encode_ordinary("cat\ncat") == [7, 9, 7]


def test_decoding_puts_a_blank_after_each_word_but_the_last(encoding):
    assert encoding.decode([7, 8, 4, 9, 7]) == "cat cats \ncat"
    assert encoding.decode_single_token_bytes(7) == b"cat "


def test_it_offers_what_the_package_asks_of_an_encoding(encoding):
    assert isinstance(encoding, Encoding)
    assert encoding.encode_ordinary_batch(["cat", "cats"]) == [[7], [8, 4]]
    array = encoding.encode_to_numpy("cats", disallowed_special=())
    assert array.dtype == np.uint32
    assert array.tolist() == [8, 4]
    assert token_byte_lengths(encoding)[[7, 8, 9]].tolist() == [4, 3, 0]


def test_marks_and_white_space_are_standardised():
    assert standardise('He said—"no…"\t twice!!\r\n\n (a/b)\\c ') == (
        'He said - " no... " twice !! \n ( a / b ) \\c'
    )
    assert standardise("´tis 1+1") == "'tis 1 + 1"


def test_basic_words_lose_case_accents_and_newlines_and_split_at_every_mark():
    assert basic_words("Don't panic—Café\n№5, 漢字!\x00") == [
        *("don", "'", "t", "panic", "—", "cafe"),
        *("№5", ",", "漢", "字", "!"),
    ]
    assert basic_words("under_score\x0bx") == ["under", "_", "scorex"]


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_ascii_takes_the_same_way_as_all_other_text(text):
    assert basic_words(f"{text} ж") == [*basic_words(text), "ж"]


@given(st.text())
def test_a_second_round_trip_changes_nothing(text):
    once = basic_words(text)
    assert basic_words(" ".join(once)) == once


def test_without_spacy_the_error_names_the_extra_and_the_other_way(monkeypatch):
    monkeypatch.setitem(sys.modules, "spacy", None)
    from gptpath.tokens import gpt1_words

    gpt1_words._load_spacy.cache_clear()
    with pytest.raises(TokenError, match=r"gptpath\[gpt1\].*words=basic"):
        words_of("spacy")


def test_an_unknown_way_is_refused():
    with pytest.raises(TokenError, match="known: basic, spacy"):
        words_of("bytes")
