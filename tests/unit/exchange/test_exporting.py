import os
from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.presets import gpt2_laptop_s, lstm_laptop
from gptpath.errors import CheckpointError, TokenError
from gptpath.exchange.byte_level import merges_of, ranks_of
from gptpath.exchange.exporting import export_model
from gptpath.model.build import build_model
from gptpath.model.folder import save_model
from gptpath.tokens.bpe import write_tokenizer
from gptpath.tokens.published import byte_letters

BYTES = [bytes([n]) for n in range(256)]


@pytest.fixture
def tokenizer(tmp_path):
    write_tokenizer(tmp_path / "tokenizer", BYTES, name="bytes")
    return tmp_path / "tokenizer"


def make(folder, config, tokenizer):
    model = build_model(replace(config, vocab_size=257), seed=0)
    save_model(folder, model, step=1, tokenizer_folder=tokenizer)
    return folder


def test_an_lstm_is_refused(tmp_path, tokenizer):
    folder = make(tmp_path / "lstm", lstm_laptop(), tokenizer)
    with pytest.raises(CheckpointError, match="LSTM, for which transformers has no class"):
        export_model(folder, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_classifier_is_refused(tmp_path, tokenizer):
    folder = make(tmp_path / "classifier", gpt2_laptop_s(), tokenizer)
    (folder / "classifier.json").write_text("{}")
    with pytest.raises(CheckpointError, match="fine-tuned classifier"):
        export_model(folder, tmp_path / "out")


def test_a_pattern_of_ones_own_is_refused_and_nothing_is_left(tmp_path, tokenizer):
    folder = make(tmp_path / "model", gpt2_laptop_s(), tokenizer)
    settings = folder / "tokenizer" / "tokenizer.json"
    settings.write_text(settings.read_text().replace("[sdmt]", "[sd]"))
    with pytest.raises(TokenError, match="only GPT-2's own pattern can be exported"):
        export_model(folder, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "tokenizer"]


@pytest.mark.parametrize("target", [".", "link"])
def test_an_empty_folder_stays_where_it_is_and_is_filled(tmp_path, tokenizer, target, monkeypatch):
    folder = make(tmp_path / "model", gpt2_laptop_s(), tokenizer)
    (tmp_path / "here" / "elsewhere").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "here")
    if target == "link":
        Path("link").symlink_to("elsewhere")
    else:
        Path("elsewhere").rmdir()
    export_model(folder, Path(target))
    assert {"model.safetensors", "tokenizer.json", "README.md"} < set(os.listdir(target))
    assert not [name for name in os.listdir(target) if name.startswith(".")]
    assert Path(target).is_symlink() == (target == "link")


def test_an_export_says_what_it_is_and_where_it_comes_from(tmp_path, tokenizer):
    folder = make(tmp_path / "model", gpt2_laptop_s(), tokenizer)
    (folder / "README.md").write_text("# gptpath-model\n\nwhat the registry knows\n")
    export_model(folder, tmp_path / "out")
    card = (tmp_path / "out" / "README.md").read_text()
    for words in ("GPT-2's architecture", "after 1 optimiser steps", "what the registry knows"):
        assert words in card
    with pytest.raises(CheckpointError, match="is there already"):
        export_model(folder, tmp_path / "out")


def test_merges_are_the_pairs_that_lower_ranks_lead_to():
    ranks = [*BYTES, b"bc", b"ab", b"abc"]
    assert merges_of(ranks) == [(b"b", b"c"), (b"a", b"b"), (b"a", b"bc")]


def test_ranks_that_merges_cannot_make_are_refused():
    with pytest.raises(TokenError, match=r"token b'abc' of rank 256 is made of \[b'a', b'b', b'c'"):
        merges_of([*BYTES, b"abc"])
    with pytest.raises(TokenError, match="must be the single bytes"):
        merges_of([*BYTES[:-1], b"ab", b"c"])


def spelt(*tokens: bytes) -> dict[str, int]:
    letters = byte_letters()
    known = [*BYTES, *tokens]
    return {"".join(letters[byte] for byte in token): n for n, token in enumerate(known)}


def test_a_vocabulary_that_tiktoken_would_read_otherwise_is_refused():
    vocab = spelt(b"bc", b"ab", b"abc")
    merges = [("b", "c"), ("a", "b"), ("a", "bc")]
    whole = vocab | {"<|endoftext|>": 259}
    assert ranks_of(whole, merges, where="x")[256:] == [b"bc", b"ab", b"abc"]
    with pytest.raises(TokenError, match="not the one that ranks lead to"):
        ranks_of(whole, [*merges[:2], ("ab", "c")], where="x")
    with pytest.raises(TokenError, match="the 256 bytes followed by the 3 merges in their order"):
        ranks_of(whole, [merges[1], merges[0], merges[2]], where="x")
    with pytest.raises(TokenError, match="has the id None, expected the last one"):
        ranks_of(vocab, merges, where="x")
    with pytest.raises(TokenError, match="not spelt in GPT-2's letters"):
        ranks_of(vocab | {"漢": 259, "<|endoftext|>": 260}, merges, where="x")
