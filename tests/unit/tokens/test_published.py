import gzip

import pytest
import tiktoken

from gptpath.errors import TokenError
from gptpath.tokens.published import byte_letters, gpt1_tables, gpt2_ranks


def test_every_byte_has_a_printable_letter_of_its_own():
    letters = byte_letters()
    assert sorted(letters) == list(range(256))
    assert len(set(letters.values())) == 256
    assert all(letter.isprintable() and letter != " " for letter in letters.values())
    assert letters[ord("a")] == "a"
    assert letters[ord(" ")] == "Ġ"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(TokenError, match=r"vocab\.bpe nor vocab\.bpe\.gz exists"):
        gpt2_ranks(tmp_path)


def test_files_that_are_not_the_published_ones_are_refused(tmp_path):
    (tmp_path / "vocab_40000.bpe.gz").write_bytes(gzip.compress(b"#version: 0.2\na b\n"))
    with pytest.raises(TokenError, match="SHA-256 .* expected the published 0ea9b51a"):
        gpt1_tables(tmp_path)


@pytest.mark.parametrize("damage", [slice(0, 40), slice(0, 12), slice(1, None)])
def test_a_damaged_archive_is_named(tmp_path, damage):
    packed = bytearray(gzip.compress(bytes(range(256)) * 9))
    packed[10:30] = b"\xff" * 20  # within the compressed data
    (tmp_path / "vocab.bpe.gz").write_bytes(packed[damage])
    with pytest.raises(TokenError, match="cannot be unpacked"):
        gpt2_ranks(tmp_path)


def test_without_a_network_the_error_says_where_to_put_the_files(monkeypatch):
    def refuse(name: str) -> tiktoken.Encoding:
        raise ConnectionError(name)

    monkeypatch.setattr(tiktoken, "get_encoding", refuse)
    with pytest.raises(TokenError, match=r"tokenizer\.files"):
        gpt2_ranks(None)
