import json
from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.config.sections import Parallel
from gptpath.errors import TokenError
from gptpath.events import Progress, ignore
from gptpath.stages.context import StageContext
from gptpath.stages.encode import run
from gptpath.stages.encode_shard import EncodeJob, encode_shard
from gptpath.text.documents import (
    Document,
    as_frame,
    read_documents,
    shard_name,
    shard_paths,
    write_frame,
)
from gptpath.tokens.bpe import train_ranks, write_tokenizer
from gptpath.tokens.document_index import DocumentIndex
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.shards import open_split

ROOT = Path(__file__).parents[3]
PARAMS = load_params(ROOT / "profiles" / "laptop.yaml")
TEXT = "The quick brown fox number {} jumps over the lazy dog; <|endoftext|> is but text — naïve."


def context(root: Path, emit=ignore, workers: int = 1, shard_tokens: int = 500) -> StageContext:
    params = replace(
        PARAMS,
        encode=replace(PARAMS.encode, shard_tokens=shard_tokens),
        parallel=Parallel(workers=workers),
    )
    return StageContext(root=root, params=params, item=None, emit=emit)


def write_corpus(folder: Path, count: int, shards: int) -> None:
    """Write `count` documents in id order over `shards` shards, of two sources."""
    documents = [
        Document(
            text=TEXT.format(n),
            source=f"source-{n % 2}",
            kind="files",
            location=f"{folder.name}{n}",
            group=f"group-{n % 3}",
        )
        for n in range(count)
    ]
    frame = as_frame(documents).sort("id")
    rows = -(-count // shards)
    for number in range(shards):
        write_frame(folder / shard_name(number), frame.slice(number * rows, rows))


@pytest.fixture
def root(tmp_path) -> Path:
    write_corpus(tmp_path / "data" / "corpus" / "train", 60, 4)
    write_corpus(tmp_path / "data" / "corpus" / "validation", 9, 1)
    ranks = train_ranks([TEXT.format(n) for n in range(60)], vocab_size=300)
    write_tokenizer(tmp_path / "data" / "tokenizer", ranks, name="x")
    return tmp_path


def contents(root: Path) -> dict[str, bytes]:
    files = [*(root / "data" / "tokens").iterdir(), root / "metrics" / "encode.json"]
    return {path.name: path.read_bytes() for path in files}


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
    assert set(metrics) == {"train", "validation", "sources", "groups", "baselines"}
    index = json.loads((root / "data" / "tokens" / "index.json").read_text())
    for split in ("train", "validation"):
        for unit in ("tokens", "documents", "bytes"):
            assert metrics[split][unit] == index["splits"][split][unit]
    baselines = metrics["baselines"]
    assert baselines["bigram"]["loss"] < baselines["unigram"]["loss"]
    assert outcome.metrics["bigram/bpb"] == baselines["bigram"]["bpb"]


def test_metrics_tell_the_share_of_every_source_and_of_the_largest_groups(root):
    run(context(root))
    metrics = json.loads((root / "metrics" / "encode.json").read_text())
    for split in ("train", "validation"):
        sources, groups = metrics["sources"][split], metrics["groups"][split]
        assert set(sources) == {"source-0", "source-1"}
        assert {entry["group"] for entry in groups} == {"group-0", "group-1", "group-2"}
        assert [e["tokens"] for e in groups] == sorted((e["tokens"] for e in groups), reverse=True)
        for unit in ("tokens", "documents", "bytes"):
            assert sum(entry[unit] for entry in sources.values()) == metrics[split][unit]
            assert sum(entry[unit] for entry in groups) == metrics[split][unit]


def test_the_index_finds_the_document_of_every_token(root):
    run(context(root))
    encoding = load_encoding(root / "data" / "tokenizer")
    documents = read_documents(root / "data" / "corpus" / "train")
    index = DocumentIndex(root / "data" / "tokens", "train")
    tokens = open_split(root / "data" / "tokens", "train")
    start = 0
    for document in documents:
        [span] = index.spans(start, start + 1)
        ids = tokens.read(start, start + span.tokens).tolist()
        assert span.id == document.id
        assert ids == [*encoding.encode_ordinary(document.text), encoding.eot_token]
        start += span.tokens
    assert start == len(tokens)


def test_the_bytes_do_not_depend_on_the_number_of_workers(root):
    run(context(root, workers=1))
    alone = contents(root)
    run(context(root, workers=3))
    assert contents(root) == alone
    assert not [path for path in (root / ".scratch" / "encode").iterdir() if path.is_dir()]


def test_tokens_may_lie_on_another_file_system(root, scratch_elsewhere):
    run(context(root))
    alone = contents(root)
    scratch_elsewhere()
    run(context(root))
    assert contents(root) == alone
    assert {path.name for path in (root / "data").iterdir()} == {"corpus", "tokenizer", "tokens"}


def test_a_run_of_fewer_shards_than_workers_gives_the_ids_of_one_worker(root):
    job = jobs(root)[0]
    alone = encode_shard(job)
    with_threads = encode_shard(replace(job, threads=2, records=root / "other"))
    assert with_threads == alone


def jobs(root: Path) -> list[EncodeJob]:
    return [
        EncodeJob(
            corpus_shard=path,
            tokenizer=root / "data" / "tokenizer",
            fingerprint="x",
            tokens=root / "work" / "tokens",
            records=root / "work" / "records",
            split="train",
            shard_tokens=500,
            threads=1,
        )
        for path in shard_paths(root / "data" / "corpus" / "train")
    ]


def stamps(root: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (root / "work" / "tokens").iterdir()}


def test_a_finished_shard_is_not_written_again(root):
    records = [encode_shard(job) for job in jobs(root)]
    before = stamps(root)
    assert [encode_shard(job) for job in jobs(root)] == records
    assert stamps(root) == before


@pytest.mark.parametrize("damaged", ["train-00001-00000.tokens", "train-00001.docs"])
def test_a_finished_shard_that_is_damaged_or_gone_is_written_anew(root, damaged):
    records = [encode_shard(job) for job in jobs(root)]
    path = root / "work" / "tokens" / damaged
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    before = stamps(root)
    assert [encode_shard(job) for job in jobs(root)] == records
    assert path.read_bytes() == whole
    changed = {name for name, stamp in stamps(root).items() if before[name] != stamp}
    assert changed
    assert all(name.startswith("train-00001") for name in changed)


def test_a_corpus_shard_that_has_changed_is_encoded_anew(root):
    first, *_ = jobs(root)
    old = encode_shard(first)
    write_corpus(root / "data" / "corpus" / "train", 40, 4)
    new = encode_shard(first)
    assert new.summary.documents == 10
    assert new.corpus_sha256 != old.corpus_sha256


def test_progress_counts_corpus_shards(root):
    events: list[object] = []
    run(context(root, emit=events.append))
    assert Progress(done=5, total=5, what="corpus shards") in events


def test_without_a_tokenizer_the_stage_says_which_one_comes_first(root):
    (root / "data" / "tokenizer" / "tokenizer.json").unlink()
    with pytest.raises(TokenError, match="gptpath tokenizer"):
        run(context(root))
