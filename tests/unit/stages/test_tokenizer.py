import json
from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.config.sections import Tokenizer
from gptpath.errors import CorpusError, TokenError
from gptpath.events import ignore
from gptpath.stages.context import StageContext
from gptpath.stages.tokenizer import run
from gptpath.text.documents import (
    Document,
    as_frame,
    read_documents,
    shard_name,
    write_documents,
    write_frame,
)
from gptpath.tokens.encoding import load_encoding
from tests.parity.shared_texts import GPT1_FILES, GPT2_FILES

ROOT = Path(__file__).parents[3]
PARAMS = load_params(ROOT / "profiles" / "laptop.yaml")
TEXT = "The quick brown fox number {} jumps over the lazy dog, and the dog sleeps on — naïvely."


def context(root: Path, vocab_size: int = 300, sample_bytes: int = 3000) -> StageContext:
    settings = replace(PARAMS.tokenizer, vocab_size=vocab_size, sample_bytes=sample_bytes)
    params = replace(PARAMS, tokenizer=settings)
    return StageContext(root=root, params=params, item=None, emit=ignore)


@pytest.fixture
def root(tmp_path) -> Path:
    documents = [
        Document(text=TEXT.format(n), source="a", kind="files", location=f"{n}.txt", group=f"{n}")
        for n in range(60)
    ]
    write_documents(tmp_path / "data" / "corpus" / "train", documents)
    return tmp_path


def test_the_stage_writes_a_tokenizer_of_the_asked_size_and_its_metrics(root):
    outcome = run(context(root))
    encoding = load_encoding(root / "data" / "tokenizer")
    assert encoding.n_vocab == 300
    assert encoding.decode(encoding.encode_ordinary(TEXT)) == TEXT
    metrics = json.loads((root / "metrics" / "tokenizer.json").read_text())
    assert metrics == outcome.metrics
    assert metrics["vocab_size"] == 300
    assert metrics["bytes_per_token"] > 1.5
    assert 2900 < metrics["sample_bytes"] <= 3000


def test_two_runs_write_the_same_bytes(root):
    def contents() -> dict[str, bytes]:
        run(context(root))
        return {p.name: p.read_bytes() for p in (root / "data" / "tokenizer").iterdir()}

    assert contents() == contents()


def test_a_vocabulary_too_large_for_the_text_is_refused(root):
    with pytest.raises(TokenError, match=r"tokenizer\.vocab_size=5000"):
        run(context(root, vocab_size=5000))


def test_without_a_corpus_the_stage_says_which_one_comes_first(tmp_path):
    with pytest.raises(CorpusError, match="gptpath ingest"):
        run(context(tmp_path))


def test_the_sample_is_the_same_however_the_corpus_is_cut_into_shards(root):
    run(context(root))
    folder = root / "data" / "corpus" / "train"
    whole = (root / "data" / "tokenizer" / "tokenizer.tiktoken").read_bytes()
    frame = as_frame(read_documents(folder))
    for number in range(3):
        write_frame(folder / shard_name(number), frame.slice(20 * number, 20))
    run(context(root))
    assert (root / "data" / "tokenizer" / "tokenizer.tiktoken").read_bytes() == whole


def published(root: Path, **settings: object) -> StageContext:
    params = replace(PARAMS, tokenizer=Tokenizer(**settings))  # pyright: ignore[reportArgumentType]
    return StageContext(root=root, params=params, item=None, emit=ignore)


def test_gpt2_by_name_needs_no_training(root, monkeypatch):
    tokens = [bytes([n]) for n in range(256)] + [b"The", b" quick"]
    monkeypatch.setattr("gptpath.stages.tokenizer.gpt2_ranks", lambda files: tokens)
    run(published(root, kind="gpt2", vocab_size=50_257))
    encoding = load_encoding(root / "data" / "tokenizer")
    assert encoding.name == "gpt2"
    assert encoding.encode_ordinary("The quick") == [256, 257]
    metrics = json.loads((root / "metrics" / "tokenizer.json").read_text())
    assert metrics["sample_bytes"] == 0
    assert metrics["bytes_per_token"] > 1


def test_a_published_tokenizer_replaces_the_files_of_another_kind(root):
    if not (GPT1_FILES.is_dir() and GPT2_FILES.is_dir()):
        pytest.skip("the shared data is not here")
    gpt1 = {"kind": "gpt1", "vocab_size": 40_478, "words": "basic", "files": str(GPT1_FILES)}
    run(published(root, **gpt1))
    folder = root / "data" / "tokenizer"
    assert load_encoding(folder).decode(load_encoding(folder).encode_ordinary(TEXT)) == (
        "the quick brown fox number { } jumps over the lazy dog , and the dog sleeps on "
        "<unk>naively ."
    )
    run(published(root, kind="gpt2", vocab_size=50_257, files=str(GPT2_FILES)))
    assert load_encoding(folder).encode_ordinary("hello world") == [31373, 995]
    assert len(list(folder.iterdir())) == 2
