"""The one record that flows from the sources to the token shards, and its parquet files.

A split of the corpus is a folder of shards `00000.parquet`, `00001.parquet`, ...; ids ascend within
a shard and from each shard to the next.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from gptpath.errors import CorpusError

COLUMNS = ("id", "text", "source", "kind", "location", "group", "licence", "metadata")
"""Columns of a shard, all of type string (docs/formats.md)."""

FILES = "files"
"""The kind whose documents are whole books, or parts of them."""

ROWS_PER_GROUP = 8192
"""Rows of a parquet row group: the unit in which readers stream a shard."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """One text with where it came from."""

    text: str
    source: str
    """Name of the entry in `ingest.sources` that it came from."""
    kind: str
    """Kind of that source: `installed-docs`, `files`, `jsonl`, ... (`gptpath.config.ingest`)."""
    location: str
    """Place within the source: `module:qualified.name`, or relative file path [+ `#part`]."""
    group: str
    """What it belongs to: the distribution, the file's stem, or the domain of a web page."""
    licence: str = ""
    """Licence as the source states it; empty where it states none."""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def id(self) -> str:
        """16 hex digits that depend on place and text only; their order is as good as random."""
        return document_id(self.source, self.group, self.location, self.text)


def document_id(source: str, group: str, location: str, text: str) -> str:
    """The id of a document (see `Document.id`)."""
    # Documents fresh from a source may still hold lone surrogates.
    key = "\0".join((source, group, location, text)).encode("utf-8", "surrogatepass")
    return hashlib.blake2b(key, digest_size=8).hexdigest()


SCHEMA: dict[str, type[pl.String]] = {name: pl.String for name in COLUMNS}


def shard_name(number: int) -> str:
    """File name of a shard; names sort like numbers."""
    return f"{number:05d}.parquet"


def shard_paths(folder: Path) -> list[Path]:
    """Shards of a split in id order; CorpusError if there is none."""
    paths = sorted(folder.glob("[0-9]*.parquet"))
    if not paths:
        raise CorpusError(f"no corpus shards in {folder}; run `gptpath ingest` first")
    return paths


def as_frame(documents: Iterable[Document]) -> pl.DataFrame:
    """Table of documents in the order given."""
    rows = [
        (
            d.id,
            d.text,
            d.source,
            d.kind,
            d.location,
            d.group,
            d.licence,
            json.dumps(dict(d.metadata), sort_keys=True),
        )
        for d in documents
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def write_documents(folder: Path, documents: Iterable[Document]) -> None:
    """Write a split of one shard, sorted by id; equal documents give equal bytes."""
    frame = as_frame(documents).sort("id", "location", "text")
    write_frame(folder / shard_name(0), frame)


def write_frame(path: Path, frame: pl.DataFrame) -> None:
    """Write a table whole or not at all; equal tables give equal bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    frame.write_parquet(temporary, compression="zstd", row_group_size=ROWS_PER_GROUP)
    os.replace(temporary, path)


def read_documents(folder: Path) -> list[Document]:
    """All documents of a split in id order; CorpusError if shards are missing or damaged."""
    return list(iter_documents(folder))


def iter_documents(folder: Path) -> Iterator[Document]:
    """Stream the documents of a split in id order."""
    for frame in read_frames(folder, COLUMNS):
        for row in frame.iter_rows(named=True):
            yield Document(
                text=row["text"],
                source=row["source"],
                kind=row["kind"],
                location=row["location"],
                group=row["group"],
                licence=row["licence"],
                metadata=json.loads(row["metadata"]),
            )


def count_documents(folder: Path) -> int:
    """Documents in a split."""
    return sum(_count(_scan(path)) for path in shard_paths(folder))


def read_frames(folder: Path, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Some columns of a split in id order, at most ROWS_PER_GROUP rows at once."""
    for path in shard_paths(folder):
        wanted = _scan(path).select(columns)
        for start in range(0, _count(wanted), ROWS_PER_GROUP):
            yield wanted.slice(start, ROWS_PER_GROUP).collect()


def read_texts(folder: Path) -> Iterator[list[str]]:
    """Texts of a split in id order, in batches of ROWS_PER_GROUP: memory stays flat."""
    for frame in read_frames(folder, ["text"]):
        yield frame["text"].to_list()


def _count(frame: pl.LazyFrame) -> int:
    return int(frame.select(pl.len()).collect().item())


def _scan(path: Path) -> pl.LazyFrame:
    try:
        frame = pl.scan_parquet(path)
        columns = frame.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CorpusError(f"{path} is not a readable parquet file: {error}") from None
    if columns != list(COLUMNS):
        raise CorpusError(f"{path} has columns {columns}; expected {list(COLUMNS)}")
    return frame
