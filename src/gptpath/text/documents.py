"""The one record that flows from the sources to the token shards, and its parquet files."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from gptpath.errors import CorpusError

COLUMNS = ("id", "text", "source", "kind", "location", "group", "licence", "metadata")
"""Columns of a corpus file, all of type string (docs/formats.md)."""

FILES = "files"
"""The kind whose documents are whole books, or parts of them."""

ROWS_PER_GROUP = 8192
"""Rows of a parquet row group: the unit in which readers stream a file."""


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
        parts = (self.source, self.group, self.location, self.text)
        # Documents fresh from a source may still hold lone surrogates.
        key = "\0".join(parts).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(key, digest_size=8).hexdigest()


def write_documents(path: Path, documents: Iterable[Document]) -> None:
    """Write documents sorted by id; equal documents give equal bytes."""
    rows = sorted(
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
    )
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String), orient="row")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    frame.write_parquet(temporary, compression="zstd", row_group_size=ROWS_PER_GROUP)
    os.replace(temporary, path)


def read_documents(path: Path) -> list[Document]:
    """Documents of a corpus file in id order; CorpusError if the file is missing or damaged."""
    frame = _scan(path).select(COLUMNS).collect()
    return [
        Document(
            text=row["text"],
            source=row["source"],
            kind=row["kind"],
            location=row["location"],
            group=row["group"],
            licence=row["licence"],
            metadata=json.loads(row["metadata"]),
        )
        for row in frame.iter_rows(named=True)
    ]


def count_documents(path: Path) -> int:
    """Documents in a corpus file."""
    return int(_scan(path).select(pl.len()).collect().item())


def read_texts(path: Path) -> Iterator[list[str]]:
    """Texts of a corpus file in id order, in batches of ROWS_PER_GROUP: memory stays flat."""
    texts = _scan(path).select("text")
    for start in range(0, count_documents(path), ROWS_PER_GROUP):
        yield texts.slice(start, ROWS_PER_GROUP).collect()["text"].to_list()


def _scan(path: Path) -> pl.LazyFrame:
    if not path.is_file():
        raise CorpusError(f"no corpus file {path}; run `gptpath ingest` first")
    try:
        frame = pl.scan_parquet(path)
        columns = frame.collect_schema().names()
    except pl.exceptions.PolarsError as error:
        raise CorpusError(f"{path} is not a readable parquet file: {error}") from None
    if columns != list(COLUMNS):
        raise CorpusError(f"{path} has columns {columns}; expected {list(COLUMNS)}")
    return frame
