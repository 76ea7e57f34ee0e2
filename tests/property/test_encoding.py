import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gptpath.text.sources.decoding import decode
from gptpath.tokens.bpe import train_ranks, write_tokenizer
from gptpath.tokens.encoding import load_encoding, token_byte_lengths
from tests.parity.byte_level import hugging_face

TEXT = "Byte-level merges cover every text: the cats, naïve cafés, Grüße, 漢字 and 🙂. " * 30
RANKS = train_ranks([TEXT], vocab_size=310)
MIXED = (
    st.text(st.sampled_from("  \n\t'sdtmlve aeéß字🙂\u0301\u200b\u00a0\x00.,!?09½Ⅷ_")) | st.text()
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    write_tokenizer(folder, RANKS, name="small")
    return load_encoding(folder)


def test_decoding_gives_every_text_back_and_byte_lengths_add_up(trained):
    lengths = token_byte_lengths(trained)

    @given(MIXED)
    def holds(text: str) -> None:
        ids = trained.encode_ordinary(text)
        assert trained.decode(ids) == text
        assert trained.encode_to_numpy(text, disallowed_special=()).tolist() == ids
        assert lengths[ids].sum() == len(text.encode())

    holds()
    for text in (TEXT, "<|endoftext|>", "\x00\n \t", ""):
        holds.hypothesis.inner_test(text)


@settings(max_examples=300)
@given(text=MIXED)
def test_the_ids_are_those_of_another_library_with_the_same_merges(trained, text):
    assert trained.encode_ordinary(text) == THEIRS.encode(text).ids


@settings(deadline=None)
@given(content=st.binary(max_size=400))
def test_whatever_bytes_are_read_as_text_come_back_from_their_ids(trained, content):
    decoded = decode(content)
    assume(decoded is not None)
    assert decoded is not None
    assert trained.decode(trained.encode_ordinary(decoded.text)) == decoded.text


def test_a_lone_surrogate_is_replaced_and_breaks_nothing(trained):
    assert trained.decode(trained.encode_ordinary("a\ud800b")) == "a\ufffdb"


THEIRS = hugging_face(RANKS)
