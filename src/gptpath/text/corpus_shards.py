"""Phase 3 of ingest: from cleaned pieces, in reading order, to shards of each split, in id order.

First every piece is scattered: its kept documents, sorted by id, go into one file as a slice for
each shard of the corpus. Then every shard gathers its slices. So each text is written twice and
read twice, whatever the size of the corpus.

The file of slices holds, little-endian, the offsets of all slices and of the end (uint64), then the
slices, each a table in Arrow's IPC format, or nothing where it has no rows.
"""

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from gptpath.text.cleaned_pieces import Piece
from gptpath.text.documents import COLUMNS, SCHEMA, shard_name, write_frame
from gptpath.text.drops import DropTally
from gptpath.text.fates import FATES, Fates
from gptpath.text.splits import SPLITS


@dataclass(frozen=True, kw_only=True, slots=True)
class ScatterTask:
    """One piece to scatter."""

    piece: Piece
    fates: Fates
    shards: Mapping[str, int]
    """Number of shards of each split."""
    folder: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class GatherTask:
    """One shard of the corpus to gather."""

    split: str
    shard: int
    slice: int
    """Place of the shard among those of all splits."""
    pieces: Sequence[str]
    """Names of all pieces, in order."""
    scattered: Path
    corpus: Path
    groups: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class ShardSize:
    """What is in a shard."""

    documents: int
    characters: int
    bytes: int
    """UTF-8 bytes of the texts."""


def scatter(task: ScatterTask) -> None:
    """Write the slices of a piece and samples of what was dropped, unless that has been done."""
    path = task.folder / f"{task.piece.name}.slices"
    if path.is_file():
        return
    frame = pl.read_parquet(task.piece.documents)
    tally = DropTally()
    reasons = pl.Series("reason", FATES).gather(task.fates)
    dropped = pl.Series(task.fates >= len(SPLITS))
    tally.add_documents(frame.with_columns(reasons).filter(dropped))
    write_frame(task.folder / f"{task.piece.name}.dropped", tally.samples())
    slices: list[bytes] = []
    for number, split in enumerate(SPLITS):
        count = task.shards[split]
        rows = frame.filter(pl.Series(task.fates == number)).sort("id")
        shards = [int(id_, 16) * count >> 64 for id_ in rows["id"]]
        bounds = np.searchsorted(shards, range(count + 1)).tolist()
        slices += [_packed(rows[begin:end]) for begin, end in pairwise(bounds)]
    _write_slices(path, slices)


def _packed(frame: pl.DataFrame) -> bytes:
    if frame.is_empty():
        return b""
    buffer = io.BytesIO()
    frame.write_ipc(buffer, compression="lz4")
    return buffer.getvalue()


def _write_slices(path: Path, slices: Sequence[bytes]) -> None:
    start = 8 * (len(slices) + 1)
    offsets = np.cumsum([start, *map(len, slices)], dtype="<u8")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as file:
        file.write(offsets.tobytes())
        file.writelines(slices)
    os.replace(temporary, path)


def _read_slice(path: Path, number: int) -> pl.DataFrame | None:
    with path.open("rb") as file:
        file.seek(8 * number)
        begin, end = np.frombuffer(file.read(16), dtype="<u8").tolist()
        file.seek(begin)
        content = file.read(end - begin)
    return pl.read_ipc(io.BytesIO(content)) if content else None


def gather(task: GatherTask) -> ShardSize:
    """Write one shard of the corpus, and what is in it by source and group, unless done before."""
    path = task.corpus / task.split / shard_name(task.shard)
    if not path.is_file():
        found = (_read_slice(task.scattered / f"{name}.slices", task.slice) for name in task.pieces)
        frames = [frame for frame in found if frame is not None]
        frame = pl.concat(frames) if frames else pl.DataFrame(schema=SCHEMA)
        frame = frame.select(COLUMNS).sort("id").rechunk()
        _write_groups(task, frame)
        write_frame(path, frame)
    text = pl.col("text")
    [size] = (
        pl.scan_parquet(path)
        .select(
            documents=pl.len(),
            characters=text.str.len_chars().sum(),
            bytes=text.str.len_bytes().sum(),
        )
        .collect()
        .to_dicts()
    )
    return ShardSize(**size)


def _write_groups(task: GatherTask, frame: pl.DataFrame) -> None:
    groups = (
        frame.group_by("source", "group")
        .agg(documents=pl.len(), bytes=pl.col("text").str.len_bytes().sum())
        .sort("source", "group")
    )
    write_frame(task.groups / f"{task.split}-{task.shard:05d}.parquet", groups)
