import json
from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.errors import TokenError
from gptpath.events import Progress, ignore
from gptpath.stages.context import StageContext
from gptpath.stages.encode import run
from gptpath.text.documents import Document, read_documents, write_documents
from gptpath.tokens.bpe import train_ranks, write_tokenizer
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.shards import open_split

ROOT = Path(__file__).parents[3]
PARAMS = load_params(ROOT / "profiles" / "laptop.yaml")
TEXT = "The quick brown fox number {} jumps over the lazy dog; <|endoftext|> is but text — naïve."


def context(root: Path, emit=ignore) -> StageContext:
    params = replace(PARAMS, encode=replace(PARAMS.encode, shard_tokens=500))
    return StageContext(root=root, params=params, item=None, emit=emit)


@pytest.fixture
def root(tmp_path) -> Path:
    for split, count in (("train", 60), ("validation", 9)):
        documents = [
            Document(
                text=TEXT.format(n), source="a", kind="files", location=f"{split}{n}", group="x"
            )
            for n in range(count)
        ]
        write_documents(tmp_path / "data" / "corpus" / split, documents)
    ranks = train_ranks([TEXT.format(n) for n in range(60)], vocab_size=300)
    write_tokenizer(tmp_path / "data" / "tokenizer", ranks, name="x")
    return tmp_path


def test_the_tokens_decode_to_the_documents_in_order_each_with_its_end(root):
    run(context(root))
    encoding = load_encoding(root / "data" / "tokenizer")
    for split in ("train", "validation"):
        tokens = open_split(root / "data" / "tokens", split, verify=True)
        ids = tokens.read(0, len(tokens)).tolist()
        documents = read_documents(root / "data" / "corpus" / split)
        assert ids.count(encoding.eot_token) == len(documents) == tokens.documents
        ends = [n for n, token in enumerate(ids) if token == encoding.eot_token]
        starts = [0, *(end + 1 for end in ends[:-1])]
        texts = [encoding.decode(ids[a:b]) for a, b in zip(starts, ends, strict=True)]
        assert texts == [d.text for d in documents]
        assert tokens.text_bytes == sum(len(d.text.encode()) for d in documents)
    assert len(list((root / "data" / "tokens").glob("train-*.tokens"))) > 1


def test_metrics_tell_sizes_and_baselines_and_the_bigram_beats_the_unigram(root):
    outcome = run(context(root))
    metrics = json.loads((root / "metrics" / "encode.json").read_text())
    assert set(metrics) == {"train", "validation", "baselines"}
    index = json.loads((root / "data" / "tokens" / "index.json").read_text())
    for split in ("train", "validation"):
        for unit in ("tokens", "documents", "bytes"):
            assert metrics[split][unit] == index["splits"][split][unit]
    baselines = metrics["baselines"]
    assert baselines["bigram"]["loss"] < baselines["unigram"]["loss"]
    assert outcome.metrics["bigram/bpb"] == baselines["bigram"]["bpb"]


def test_two_runs_write_the_same_bytes(root):
    def contents() -> dict[str, bytes]:
        run(context(root))
        return {p.name: p.read_bytes() for p in (root / "data" / "tokens").iterdir()}

    assert contents() == contents()


def test_progress_counts_documents(root):
    events: list[object] = []
    run(context(root, emit=events.append))
    assert Progress(done=60, total=60, what="documents") in events


def test_without_a_tokenizer_the_stage_says_which_one_comes_first(root):
    (root / "data" / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(TokenError, match="gptpath tokenizer"):
        run(context(root))
