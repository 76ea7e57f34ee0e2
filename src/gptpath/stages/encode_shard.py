"""One piece of the stage `encode`: one corpus shard -> its token shards and its document index.

Runs in a worker, maybe on another machine: everything it needs is in the job, everything it leaves
is in files and in the record it returns.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gptpath.errors import TokenError
from gptpath.text.documents import read_shard
from gptpath.text.json_files import write_json
from gptpath.tokens.document_index import read_documents_file, write_documents_file
from gptpath.tokens.encoding import Encoding, load_encoding
from gptpath.tokens.shards import SplitSummary, SplitWriter, dtype_for, map_shard

Ids = npt.NDArray[np.uint32]
Sizes = dict[str, list[int]]
"""Documents, UTF-8 bytes of text, and tokens (end of text included) by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EncodeJob:
    """What a worker needs to encode one corpus shard."""

    corpus_shard: Path
    tokenizer: Path
    fingerprint: str
    """Of the tokenizer: a worker that lives longer than a run must not keep an old one."""
    tokens: Path
    """Folder that takes the token shards and the document index."""
    records: Path
    """Folder that takes the record of what is finished."""
    split: str
    shard_tokens: int
    threads: int
    """Threads within the worker: more than one where there are fewer shards than cores."""

    @property
    def name(self) -> str:
        """What the files of this piece begin with: `train-00003`."""
        return f"{self.split}-{self.corpus_shard.stem}"


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardRecord:
    """What is finished of one corpus shard."""

    corpus_sha256: str
    """Of the file of the corpus shard."""
    summary: SplitSummary
    sources: Sizes
    groups: Sizes


@dataclass(kw_only=True, slots=True)
class _Tally:
    """Sizes gathered document by document."""

    lengths: list[npt.NDArray[np.int64]] = field(default_factory=list[npt.NDArray[np.int64]])
    ids: list[str] = field(default_factory=list[str])
    sources: Sizes = field(default_factory=dict[str, list[int]])
    groups: Sizes = field(default_factory=dict[str, list[int]])


def encode_shard(job: EncodeJob) -> ShardRecord:
    """Encode one corpus shard, or take over what an earlier run has finished of it, checked."""
    with job.corpus_shard.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    path = job.records / f"{job.name}.json"
    encoding = _encoding(job.tokenizer, job.fingerprint)
    if (finished := _finished(job, path, digest, encoding.n_vocab)) is not None:
        return finished
    writer = SplitWriter(
        job.tokens, job.name, vocab_size=encoding.n_vocab, shard_tokens=job.shard_tokens
    )
    tally = _Tally()
    with ThreadPoolExecutor(job.threads) as threads:
        spread = threads.map if job.threads > 1 else map
        for frame in read_shard(job.corpus_shard, ["id", "text", "source", "group"]):
            texts = frame["text"].to_list()
            flat, lengths = _encode(encoding, texts, spread)
            sizes = frame["text"].str.len_bytes().to_list()
            writer.append(flat, text_bytes=sum(sizes), documents=len(texts))
            tally.lengths.append(lengths)
            tally.ids += frame["id"].to_list()
            _add(tally.sources, frame["source"].to_list(), sizes, lengths.tolist())
            _add(tally.groups, frame["group"].to_list(), sizes, lengths.tolist())
    entry = write_documents_file(
        job.tokens / f"{job.name}.docs",
        lengths=np.concatenate([np.zeros(0, dtype=np.int64), *tally.lengths]),
        ids=tally.ids,
    )
    summary = writer.finish()
    summary.document_files.append(entry)
    record = ShardRecord(
        corpus_sha256=digest, summary=summary, sources=tally.sources, groups=tally.groups
    )
    write_json(path, asdict(record))
    return record


@lru_cache(maxsize=1)
def _encoding(folder: Path, fingerprint: str) -> Encoding:
    """Load the tokenizer once per worker process and fingerprint."""
    del fingerprint
    return load_encoding(folder)


def _encode(
    encoding: Encoding, texts: Sequence[str], spread: Callable[..., Any]
) -> tuple[Ids, npt.NDArray[np.int64]]:
    """Ids of the texts, each followed by end of text, and how many each has."""

    def encode(text: str) -> Ids:
        # The characters of a special token within a text are but text.
        return encoding.encode_to_numpy(text, disallowed_special=())

    end = np.array([encoding.eot_token], dtype=np.uint32)
    pieces = [piece for ids in spread(encode, texts) for piece in (ids, end)]
    lengths = np.fromiter((ids.size + 1 for ids in pieces[::2]), dtype=np.int64, count=len(texts))
    return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.uint32), lengths


def _add(sizes: Sizes, names: Sequence[str], text_bytes: list[int], tokens: list[int]) -> None:
    for name, size, count in zip(names, text_bytes, tokens, strict=True):
        entry = sizes.setdefault(name, [0, 0, 0])
        entry[0] += 1
        entry[1] += size
        entry[2] += count


def _finished(job: EncodeJob, path: Path, digest: str, vocab_size: int) -> ShardRecord | None:
    """Record of an earlier run whose files are all whole and of this very corpus shard."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if values["corpus_sha256"] != digest:
        return None
    summary = SplitSummary(**values["summary"])
    try:
        for entry in summary.shards:
            map_shard(job.tokens / entry["file"], entry, dtype_for(vocab_size), True)
        for entry in summary.document_files:
            read_documents_file(job.tokens / entry["file"], entry, verify=True)
    except TokenError:
        return None
    return ShardRecord(
        corpus_sha256=digest, summary=summary, sources=values["sources"], groups=values["groups"]
    )
