import json
import shutil

import numpy as np
import pytest

from gptpath.errors import TokenError
from gptpath.tokens.bpe import END_OF_TEXT
from gptpath.tokens.encoding import load_encoding, token_byte_lengths


@pytest.fixture
def folder(tokenizer_folder, tmp_path):
    return shutil.copytree(tokenizer_folder, tmp_path / "tokenizer")


def test_end_of_text_is_the_last_id_and_only_special_on_request(folder):
    encoding = load_encoding(folder)
    assert encoding.n_vocab == 300
    assert encoding.eot_token == 299
    assert 299 not in encoding.encode_ordinary(f"a {END_OF_TEXT} b")
    assert encoding.encode(END_OF_TEXT, allowed_special="all") == [299]


def test_byte_lengths_add_up_to_the_text(folder, texts):
    encoding = load_encoding(folder)
    lengths = token_byte_lengths(encoding)
    assert lengths.dtype == np.int64
    assert lengths.shape == (300,)
    assert lengths[299] == 0
    for text in texts:
        assert lengths[encoding.encode_ordinary(text)].sum() == len(text.encode())


def test_a_missing_tokenizer_names_the_stage_to_run(tmp_path):
    with pytest.raises(TokenError, match="gptpath tokenizer"):
        load_encoding(tmp_path)


def test_missing_ranks_are_an_error(folder):
    (folder / "tokenizer.tiktoken").unlink()
    with pytest.raises(TokenError, match="no ranks file"):
        load_encoding(folder)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("YQ== 0\n*** 1\n", "line 2"),
        ("YQ== 0\nYg==\n", "line 2"),
        ("YQ== 0\nYg== 2\n", "without gaps"),
        ("YQ== 0\nYQ== 1\n", "without gaps"),
    ],
)
def test_damaged_ranks_are_named(folder, lines, message):
    (folder / "tokenizer.tiktoken").write_text(lines)
    with pytest.raises(TokenError, match=message):
        load_encoding(folder)


def test_ranks_and_settings_must_fit_each_other(folder):
    path = folder / "tokenizer.tiktoken"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(TokenError, match="298 ranks.*vocabulary of 300"):
        load_encoding(folder)


@pytest.mark.parametrize("text", ["{broken", "[]", "{}", '{"special_tokens": 3}'])
def test_damaged_settings_are_named(folder, text):
    (folder / "tokenizer.json").write_text(text)
    with pytest.raises(TokenError, match=r"tokenizer\.json"):
        load_encoding(folder)


def test_a_pattern_that_is_no_pattern_is_an_error_of_ours(folder):
    settings = json.loads((folder / "tokenizer.json").read_text())
    settings["pattern"] = "(unclosed"
    (folder / "tokenizer.json").write_text(json.dumps(settings))
    with pytest.raises(TokenError, match="damaged"):
        load_encoding(folder)
