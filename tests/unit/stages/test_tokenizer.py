import json
from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.errors import CorpusError, TokenError
from gptpath.events import ignore
from gptpath.stages.context import StageContext
from gptpath.stages.tokenizer import run
from gptpath.text.documents import Document, write_documents
from gptpath.tokens.encoding import load_encoding

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
