"""Phase 2 of ingest, its end: duplicates, weights and splits decide what becomes of each document.

Works on numbers alone, about a hundred bytes a document; no text is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from gptpath.config.ingest import Ingest
from gptpath.errors import CorpusError
from gptpath.text.cleaned_pieces import Piece
from gptpath.text.mixture import kept_fractions, thinning_positions
from gptpath.text.splits import SPLITS, positions, split_bounds, together

KEPT = -1

DROP_REASONS = ("duplicate", "near_duplicate", "thinned_by_weight")
"""Reasons for which this phase drops documents."""

FATES = (*SPLITS, *DROP_REASONS)
"""What a fate, a small number, means."""

SHARD_BYTES = 32_000_000
"""About how much text a shard of the corpus holds."""

Fates = NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True, slots=True)
class Decisions:
    """The fate of every document."""

    fates: tuple[Fates, ...]
    """One array a piece, row by row: indices of FATES."""
    shards: Mapping[str, int]
    """Number of shards of each split; depends on the split's bytes alone."""
    fractions: Mapping[str, float]
    """Share of each source's unique documents that its weight keeps."""


def decide(pieces: Sequence[Piece], duplicates: Path, ingest: Ingest, *, seed: int) -> Decisions:
    """Decide by the table of duplicates (`gptpath.text.near_duplicates`), weights and seed.

    Raises CorpusError if there is too little text to fill every split.
    """
    ids, units, sizes = _read_facts(pieces)
    names = [source.name for source in ingest.sources]
    source = np.repeat(
        np.array([names.index(piece.source) for piece in pieces], dtype=np.int16),
        [piece.rows for piece in pieces],
    )
    fates, families = _duplicates(ids, duplicates)
    fractions = _thin(fates, ids, sizes, source, ingest, seed)
    kept = np.flatnonzero(fates == KEPT)
    fates[kept] = _splits(ids[kept], units[kept], families[kept], ingest, seed)
    shards = {
        split: max(1, -(-int(sizes[fates == number].sum(dtype=np.int64)) // SHARD_BYTES))
        for number, split in enumerate(SPLITS)
    }
    ends = np.cumsum([piece.rows for piece in pieces])[:-1]
    return Decisions(
        fates=tuple(np.split(fates.astype(np.uint8), ends)),
        shards=shards,
        fractions=fractions,
    )


def _read_facts(
    pieces: Sequence[Piece],
) -> tuple[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint32]]:
    """Ids, units and sizes of all documents, in the order of pieces and rows."""
    count = sum(piece.rows for piece in pieces)
    ids, units = np.empty(count, np.uint64), np.empty(count, np.uint64)
    sizes = np.empty(count, np.uint32)
    start = 0
    for piece in pieces:
        facts = pl.read_parquet(piece.facts)
        rows = slice(start, start := start + piece.rows)
        ids[rows], units[rows], sizes[rows] = facts["id"], facts["unit"], facts["bytes"]
    return ids, units, sizes


def _duplicates(
    ids: NDArray[np.uint64], table: Path
) -> tuple[NDArray[np.int8], NDArray[np.uint64]]:
    """(KEPT or the fate of a duplicate, number of the family) of each document.

    The table has a row a document, sorted by id; of several with one id the first read comes first.
    """
    reason = pl.col("reason")
    numbers = {name: number for number, name in enumerate(FATES)}
    found = (
        pl.scan_parquet(table)
        .select(
            pl.col("id", "family").str.to_integer(base=16, dtype=pl.UInt64),
            fate=pl.when(reason.is_null())
            .then(KEPT)
            .otherwise(reason.replace_strict(numbers, default=None))
            .cast(pl.Int8),
        )
        .collect(engine="streaming")
    )
    order = np.argsort(ids, kind="stable")
    if found["fate"].null_count() or not np.array_equal(found["id"].to_numpy(), ids[order]):
        raise CorpusError(
            f"{table} is not about these documents; remove .scratch/ingest and run again"
        )
    fates, families = np.empty(len(ids), np.int8), np.empty(len(ids), np.uint64)
    fates[order], families[order] = found["fate"].to_numpy(), found["family"].to_numpy()
    return fates, families


def _thin(
    fates: NDArray[np.int8],
    ids: NDArray[np.uint64],
    sizes: NDArray[np.uint32],
    source: NDArray[np.int16],
    ingest: Ingest,
    seed: int,
) -> dict[str, float]:
    """Drop what is too much of a source; returns the fraction kept of each."""
    weights = {entry.name: entry.weight for entry in ingest.sources}
    kept = fates == KEPT
    bytes_ = np.bincount(source[kept], weights=sizes[kept], minlength=len(weights))
    totals = {name: int(total) for name, total in zip(weights, bytes_, strict=True)}
    for name, weight in weights.items():
        if weight is not None and not totals[name]:
            raise CorpusError(
                f"nothing of the source {name!r} is left, so there is no mixture in which it has "
                f"weight={weight}; take it out of ingest.sources, or give it more text"
            )
    fractions = kept_fractions(totals, weights)
    limits = np.array(list(fractions.values()))
    surplus = kept & (thinning_positions(ids, seed) >= limits[source])
    fates[surplus] = FATES.index("thinned_by_weight")
    return fractions


def _splits(
    ids: NDArray[np.uint64],
    units: NDArray[np.uint64],
    families: NDArray[np.uint64],
    ingest: Ingest,
    seed: int,
) -> NDArray[np.int8]:
    """Index of the split of each kept document."""
    names, place = np.unique(together(units, families), return_inverse=True)
    if len(names) < len(SPLITS):
        # One book and no other: its parts are all there is to hold out.
        names, place = np.unique(together(ids, families), return_inverse=True)
    found = positions(seed, names)
    low, high = split_bounds(
        found, validation=ingest.validation_fraction, tasks=ingest.tasks_fraction
    )
    split = np.zeros(len(names), dtype=np.int8)
    split[found < low] = SPLITS.index("validation")
    split[found >= high] = SPLITS.index("tasks")
    return split[place]
