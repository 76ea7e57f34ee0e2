from hypothesis import given
from hypothesis import strategies as st

from gptpath.tokens.bpe import train_ranks, write_tokenizer
from gptpath.tokens.encoding import load_encoding, token_byte_lengths

TEXT = "Byte-level merges cover every text: the cats, naïve cafés, Grüße, 漢字 and 🙂. " * 30


def encoding(folder):
    write_tokenizer(folder, train_ranks([TEXT], vocab_size=310), name="small")
    return load_encoding(folder)


def test_decoding_gives_every_text_back_and_byte_lengths_add_up(tmp_path):
    trained = encoding(tmp_path)
    lengths = token_byte_lengths(trained)

    @given(st.text())
    def holds(text: str) -> None:
        ids = trained.encode_ordinary(text)
        assert trained.decode(ids) == text
        assert lengths[ids].sum() == len(text.encode())

    holds()
    for text in (TEXT, "<|endoftext|>", "\x00\n \t", ""):
        holds.hypothesis.inner_test(text)
