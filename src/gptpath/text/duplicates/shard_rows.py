"""Rows of many parquet shards counted through, and their texts read in flat memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from gptpath.errors import CorpusError

Rows = npt.NDArray[np.int64]
Places = npt.NDArray[np.uint32]
"""Rows counted through all shards."""

BATCH_CHARS = 250_000
"""Characters hashed at once: enough to be fast, few enough to stay in the processor's cache."""

_BATCH_ROWS = 256


@dataclass(frozen=True, slots=True)
class ShardRows:
    """Maps the place of a document among all shards to its shard and its row there."""

    ends: Rows
    """Rows of all shards up to and with each one."""

    @classmethod
    def of(cls, counts: Sequence[int]) -> "ShardRows":
        """Shards of these numbers of rows."""
        return cls(np.cumsum(np.array(counts, np.int64)))

    def locate(self, places: Rows | Places) -> tuple[Rows, Rows]:
        """Shard and row of each place."""
        shards = np.searchsorted(self.ends, places, side="right")
        return shards, places - self._starts[shards]

    def split(self, places: Rows | Places) -> list[Rows]:
        """Rows within each shard, from ascending places."""
        starts = self._starts
        bounds = zip(
            starts, np.searchsorted(places, starts), np.searchsorted(places, self.ends), strict=True
        )
        return [places[first:last] - start for start, first, last in bounds]

    @property
    def _starts(self) -> Rows:
        return np.concatenate((np.zeros(1, np.int64), self.ends))[: len(self.ends)]


def read_ids(shards: Sequence[Path]) -> list[pl.Series]:
    """The column `id` of each shard; CorpusError where a shard has none of type string."""
    series: list[pl.Series] = []
    for shard in shards:
        try:
            schema = pl.read_parquet_schema(shard)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise CorpusError(f"{shard} is not a readable parquet file: {error}") from None
        if any(schema.get(name) != pl.String for name in ("id", "text")):
            raise CorpusError(
                f"{shard} has columns {dict(schema)}; expected `id` and `text` of type string"
            )
        series.append(pl.read_parquet(shard, columns=["id"])["id"])
    return series


def read_batches(shard: Path, rows: Rows | None = None) -> Iterator[list[str]]:
    """Texts of a shard in batches of about BATCH_CHARS characters; of some ascending rows only.

    A missing text counts as empty.
    """
    batch: list[str] = []
    size = 0
    for text in _read_texts(shard, rows):
        batch.append(text)
        size += len(text)
        if size >= BATCH_CHARS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _read_texts(shard: Path, rows: Rows | None) -> Iterator[str]:
    frames = (
        pl.scan_parquet(shard)
        .select("text")
        .collect_batches(chunk_size=_BATCH_ROWS, maintain_order=True)
    )
    start = 0
    for frame in frames:
        texts = frame["text"].fill_null("")
        if rows is not None:
            first, last = np.searchsorted(rows, (start, start + len(texts)))
            texts = texts.gather(rows[first:last] - start)
        start += len(frame)
        yield from texts.to_list()
