"""Phase 1 of ingest: each unit of a source is read, cleaned, and written in pieces.

Unit 12 leaves `00012-0000.parquet`, `00012-0001.parquet`, ... (the columns of a corpus shard),
beside each a `.facts` file (see `Piece`), samples of what was dropped in `00012.dropped`, and at
last `00012.json`. A unit that has its JSON file is never read again.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import ftfy.fixes
import polars as pl

from gptpath.config.cleaning import Cleaning
from gptpath.text.clean.cleaning import clean_frame
from gptpath.text.documents import COLUMNS, FILES, Document, as_frame, document_id, write_frame
from gptpath.text.drops import DropTally
from gptpath.text.json_files import write_json
from gptpath.text.sources.source import Dropped, Source, Unit

PIECE_BYTES = 32_000_000
"""Text of a piece, at least, before the next one is begun."""
BATCH_DOCUMENTS = 2000
BATCH_CHARS = 8_000_000
"""Documents are cleaned by so many at once, or by so much text."""

_SURROGATES = re.compile("[\ud800-\udfff]")
_PART = re.compile(r"#\d{4,}$")

FACTS = {"id": pl.UInt64, "unit": pl.UInt64, "bytes": pl.UInt32}


@dataclass(frozen=True, kw_only=True, slots=True)
class CleaningTask:
    """One unit to clean."""

    source: Source
    unit: Unit
    cleaning: Cleaning
    folder: Path
    number: int
    """Rank of the unit among those of all sources."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanedUnit:
    """What became of a unit."""

    source: str
    read: int
    """Documents that the source yielded."""
    read_bytes: int
    """UTF-8 bytes of their text."""
    pieces: tuple[str, ...]
    """Names of its pieces, without ending."""
    rows: tuple[int, ...]
    """Documents in each piece."""
    dropped: dict[str, int]
    """Files and documents left out, by reason."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """Cleaned documents of a source, and the facts on which their fate depends.

    The facts have a row a document: its `id` as a number, its `unit` (what must stay in one split
    in any case: the file of a part, else the id itself), and the `bytes` of its text.
    """

    folder: Path
    name: str
    source: str
    rows: int

    @property
    def documents(self) -> Path:
        """Parquet file of the documents."""
        return self.folder / f"{self.name}.parquet"

    @property
    def facts(self) -> Path:
        """Parquet file of the facts, row by row."""
        return self.folder / f"{self.name}.facts"


def pieces_of(units: Iterable[CleanedUnit], folder: Path) -> list[Piece]:
    """All pieces in the order of units."""
    return [
        Piece(folder=folder, name=name, source=unit.source, rows=rows)
        for unit in units
        for name, rows in zip(unit.pieces, unit.rows, strict=True)
    ]


def clean_unit(task: CleaningTask) -> CleanedUnit:
    """Read and clean one unit, unless that has been done; what it leaves depends on it alone."""
    done = task.folder / f"{task.number:05d}.json"
    if done.is_file():
        return _load(done)
    tally = DropTally()
    rows: list[int] = []
    names: list[str] = []
    read = read_bytes = 0
    waiting: list[pl.DataFrame] = []

    def write_piece() -> None:
        frame = pl.concat(waiting, rechunk=True)
        waiting.clear()
        names.append(f"{task.number:05d}-{len(names):04d}")
        rows.append(len(frame))
        piece = Piece(folder=task.folder, name=names[-1], source=task.source.name, rows=rows[-1])
        write_frame(piece.documents, frame)
        write_frame(piece.facts, _facts(frame))

    for batch in _batches(task.source, task.unit, tally):
        read += len(batch)
        read_bytes += int(batch["text"].str.len_bytes().sum())
        cleaned = clean_frame(batch, task.cleaning)
        tally.add_documents(cleaned.dropped)
        if not cleaned.kept.is_empty():
            waiting.append(_with_ids(cleaned.kept))
        if sum(frame["text"].str.len_bytes().sum() for frame in waiting) >= PIECE_BYTES:
            write_piece()
    if waiting:
        write_piece()
    write_frame(task.folder / f"{task.number:05d}.dropped", tally.samples())
    unit = CleanedUnit(
        source=task.source.name,
        read=read,
        read_bytes=read_bytes,
        pieces=tuple(names),
        rows=tuple(rows),
        dropped=dict(tally.counts),
    )
    write_json(done, asdict(unit))
    return unit


def _load(path: Path) -> CleanedUnit:
    entry: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    tuples: dict[str, Any] = {key: tuple(entry[key]) for key in ("pieces", "rows")}
    return CleanedUnit(**{**entry, **tuples})


def _batches(source: Source, unit: Unit, tally: DropTally) -> Iterator[pl.DataFrame]:
    """Documents of a unit as tables; everything else goes to the tally."""
    batch: list[Document] = []
    chars = 0
    for one in source.read(unit):
        if isinstance(one, Dropped):
            tally.add(one, source.name)
            continue
        batch.append(one)
        chars += len(one.text)
        if len(batch) == BATCH_DOCUMENTS or chars >= BATCH_CHARS:
            yield _storable(batch)
            batch, chars = [], 0
    if batch:
        yield _storable(batch)


def _storable(documents: list[Document]) -> pl.DataFrame:
    """Table of raw documents, which may still hold halves of surrogate pairs."""
    try:
        return as_frame(documents)
    except UnicodeEncodeError:
        return as_frame(_without_surrogates(document) for document in documents)


def _without_surrogates(document: Document) -> Document:
    def mend(text: str) -> str:
        return ftfy.fixes.fix_surrogates(text) if _SURROGATES.search(text) else text

    return Document(
        text=mend(document.text),
        source=document.source,
        kind=document.kind,
        location=mend(document.location),
        group=mend(document.group),
        licence=mend(document.licence),
        metadata=document.metadata,
    )


def _with_ids(frame: pl.DataFrame) -> pl.DataFrame:
    """Give documents the ids of their cleaned texts."""
    keys = frame.select("source", "group", "location", "text").iter_rows()
    ids = pl.Series("id", [document_id(*key) for key in keys], dtype=pl.String)
    return frame.with_columns(ids).select(COLUMNS)


def _facts(frame: pl.DataFrame) -> pl.DataFrame:
    ids = [int(id_, 16) for id_ in frame["id"]]
    units = [
        _file_number(location) if kind == FILES else id_
        for id_, kind, location in zip(ids, frame["kind"], frame["location"], strict=True)
    ]
    columns = {"id": ids, "unit": units, "bytes": frame["text"].str.len_bytes()}
    return pl.DataFrame(columns, schema=FACTS)


def _file_number(location: str) -> int:
    """The same number for all parts of a file."""
    file = _PART.sub("", location)
    return int.from_bytes(hashlib.blake2b(file.encode(), digest_size=8).digest(), "big")
