"""Stage `encode`: documents -> token shards with an index of the documents; count baselines.

Reads data/corpus/{train,validation} and data/tokenizer; writes data/tokens and
metrics/encode.json. One corpus shard is one piece of work; finished pieces lie in
.scratch/encode until all are there, so that a killed run does none of them twice.
"""

import hashlib
import os
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gptpath.config.sections import Parallel
from gptpath.stages import encode_shard as worker
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.stages.encode_shard import EncodeJob, ShardRecord, Sizes, encode_shard
from gptpath.text.documents import shard_paths
from gptpath.text.executors import open_executor, run_all
from gptpath.text.finished import put_folder
from gptpath.text.json_files import write_json
from gptpath.text.scratch import scratch_folder
from gptpath.tokens import bpe
from gptpath.tokens.encoding import load_encoding
from gptpath.tokens.ngram_baselines import measure_baselines
from gptpath.tokens.shards import INDEX_FILE, SplitSummary, open_split, write_index

SPLITS = ("train", "validation")
"""What language models see; labelled tasks are derived from the third split."""
TOP_GROUPS = 50
"""Groups (distributions, files, domains) of a split that metrics/encode.json names."""
BASELINE_TOKENS = 100_000_000
"""Most training tokens that the count baselines learn from: the first, in random order."""

_LIBRARIES = ("tiktoken", "ftfy", "spacy")
"""What ids depend on, the latter two those of GPT-1 alone."""


def run(context: StageContext) -> StageOutcome:
    """Encode the two splits that language models see; every document ends with end of text."""
    encoding = load_encoding(context.path("data", "tokenizer"))
    with scratch_folder(context.scratch / "encode", _fingerprint(context)) as scratch:
        jobs = [job for split in SPLITS for job in _jobs(context, split, scratch)]
        with open_executor(context.params.parallel) as executor:
            done = run_all(executor, encode_shard, jobs, emit=context.emit, what="corpus shards")
        records = {
            split: [r for job, r in zip(jobs, done, strict=True) if job.split == split]
            for split in SPLITS
        }
        summaries = {split: _joined(records[split]) for split in SPLITS}
        tokens = scratch / "tokens"
        write_index(tokens, vocab_size=encoding.n_vocab, splits=summaries)
        baselines = measure_baselines(
            open_split(tokens, "train"),
            open_split(tokens, "validation"),
            end_of_text=encoding.eot_token,
            most_tokens=BASELINE_TOKENS,
        )
        scores = {name: asdict(score) for name, score in baselines.items()}
        sizes = {
            split: {"tokens": s.tokens, "documents": s.documents, "bytes": s.bytes}
            for split, s in summaries.items()
        }
        metrics = {**sizes, **_shares(records), "baselines": scores}
        write_json(context.path("metrics", "encode.json"), metrics)
        _publish(tokens, summaries, context.path("data", "tokens"))
    flat = {f"{split}/{unit}": float(n) for split in SPLITS for unit, n in sizes[split].items()}
    flat |= {f"{name}/{unit}": x for name, score in scores.items() for unit, x in score.items()}
    return StageOutcome(metrics=flat)


def _fingerprint(context: StageContext) -> str:
    """Hash of what decides the ids besides the corpus: tokenizer, shard size, code, libraries."""
    folder = context.path("data", "tokenizer")
    code = [*Path(bpe.__file__).parent.glob("*.py"), Path(__file__), Path(worker.__file__)]
    versions = [version(name) for name in _LIBRARIES if find_spec(name)]
    parts = [context.params.encode.shard_tokens, platform.python_version(), *versions]
    digest = hashlib.sha256(repr(parts).encode())
    for path in [*sorted(folder.iterdir()), *sorted(code)]:
        digest.update(f"\0{path.name}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:32]


def _jobs(context: StageContext, split: str, scratch: Path) -> list[EncodeJob]:
    shards = shard_paths(context.path("data", "corpus", split))
    return [
        EncodeJob(
            corpus_shard=path,
            tokenizer=context.path("data", "tokenizer"),
            fingerprint=scratch.name,
            tokens=scratch / "tokens",
            records=scratch / "records",
            split=split,
            shard_tokens=context.params.encode.shard_tokens,
            threads=_threads(context.params.parallel, len(shards)),
        )
        for path in shards
    ]


def _threads(parallel: Parallel, shards: int) -> int:
    """Threads of a worker: more than one only where there are fewer shards than processes."""
    if parallel.engine != "local":
        return 1
    workers = parallel.workers or len(os.sched_getaffinity(0))
    return max(1, workers // shards)


def _joined(records: Sequence[ShardRecord]) -> SplitSummary:
    parts = [record.summary for record in records]
    return SplitSummary(
        tokens=sum(part.tokens for part in parts),
        documents=sum(part.documents for part in parts),
        bytes=sum(part.bytes for part in parts),
        shards=[entry for part in parts for entry in part.shards],
        document_files=[entry for part in parts for entry in part.document_files],
    )


def _shares(records: Mapping[str, Sequence[ShardRecord]]) -> dict[str, Any]:
    """Sizes of every source and of the largest groups, by split."""
    sources: dict[str, Any] = {}
    groups: dict[str, Any] = {}
    for split, parts in records.items():
        by_source = _sum(record.sources for record in parts)
        sources[split] = {name: _named(entry) for name, entry in by_source.items()}
        by_group = _sum(record.groups for record in parts)
        largest = sorted(by_group.items(), key=lambda pair: (-pair[1][2], pair[0]))[:TOP_GROUPS]
        groups[split] = [{"group": name, **_named(entry)} for name, entry in largest]
    return {"sources": sources, "groups": groups}


def _sum(parts: Iterable[Sizes]) -> Sizes:
    whole: Sizes = {}
    for part in parts:
        for name, entry in part.items():
            whole[name] = [a + b for a, b in zip(whole.get(name, [0, 0, 0]), entry, strict=True)]
    return whole


def _named(entry: Sequence[int]) -> dict[str, int]:
    return dict(zip(("documents", "bytes", "tokens"), entry, strict=True))


def _publish(tokens: Path, summaries: Mapping[str, SplitSummary], folder: Path) -> None:
    """Move the finished folder to its place, rid of what killed runs have left."""
    named = {INDEX_FILE}
    for summary in summaries.values():
        named |= {entry["file"] for entry in [*summary.shards, *summary.document_files]}
    for path in tokens.iterdir():
        if path.name not in named:
            path.unlink()
    put_folder(tokens, folder)
