"""From raw sources to the shards of the three splits, with a count of everything dropped.

1. Every unit of every source is read and cleaned (`gptpath.text.cleaned_pieces`).
2. Duplicates are found over all of it; these, the sources' weights and the seed decide what becomes
   of each document (`gptpath.text.duplicates.near_duplicates`, `gptpath.text.fates`).
3. What is kept is brought into id order (`gptpath.text.corpus_shards`).

All work goes through an executor. Each step leaves files that a later run takes up again.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from gptpath.config.ingest import Ingest
from gptpath.errors import CorpusError
from gptpath.events import Emit
from gptpath.text.cleaned_pieces import (
    CleanedUnit,
    CleaningTask,
    Piece,
    clean_unit,
    pieces_of,
)
from gptpath.text.corpus_shards import GatherTask, ScatterTask, ShardSize, gather, scatter
from gptpath.text.documents import shard_name, write_frame
from gptpath.text.drops import lowest
from gptpath.text.duplicates.near_duplicates import find_duplicates
from gptpath.text.executors import run_all
from gptpath.text.fates import DROP_REASONS, FATES, Decisions, decide
from gptpath.text.finished import put_folder
from gptpath.text.sources.opening import open_source
from gptpath.text.sources.source import Source, Unit
from gptpath.text.splits import SPLITS

DROPPED_FILE = "dropped.parquet"

Work = Sequence[tuple[Source, Unit]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """A finished corpus, and what became of everything that was read."""

    folder: Path
    """A folder of shards for each split, and DROPPED_FILE: samples of what was dropped."""
    groups: Path
    """Folder of tables: `documents` and `bytes` by `source` and `group`, one a shard."""
    splits: Mapping[str, ShardSize]
    units: Sequence[CleanedUnit]
    decisions: Decisions
    dropped: Counter[str]
    """Files and documents left out, by reason."""

    @property
    def read(self) -> int:
        """Documents that the sources yielded, before cleaning."""
        return sum(unit.read for unit in self.units)


def list_work(ingest: Ingest, raw: Path) -> Work:
    """Units of all sources, in order; CorpusError if a source is unusable."""
    sources = [open_source(settings, raw) for settings in ingest.sources]
    return [(source, unit) for source in sources for unit in source.units()]


def build_corpus(
    ingest: Ingest, work: Work, *, seed: int, scratch: Path, executor: Executor, emit: Emit
) -> Corpus:
    """Build the corpus below `scratch`, going on from what an earlier run has left there.

    The result depends neither on the executor nor on where earlier runs were broken off. Raises
    CorpusError when a source yields no usable text, or all of them too little.
    """
    tasks = [
        CleaningTask(
            source=source,
            unit=unit,
            cleaning=ingest.cleaning,
            folder=scratch / "clean",
            number=number,
        )
        for number, (source, unit) in enumerate(work)
    ]
    units = run_all(executor, clean_unit, tasks, emit=emit, what="units read and cleaned")
    _refuse_empty_sources(ingest, units)
    pieces = pieces_of(units, scratch / "clean")
    shards = [piece.documents for piece in pieces]
    duplicates = find_duplicates(shards, scratch / "duplicates", ingest.duplicates, executor, emit)
    decisions = decide(pieces, duplicates, ingest, seed=seed)
    splits = _write_shards(pieces, decisions, scratch, executor, emit)
    dropped = _count_drops(units, decisions)
    _write_samples(scratch, len(units), pieces, duplicates)
    return Corpus(
        folder=scratch / "corpus",
        groups=scratch / "groups",
        splits=splits,
        units=units,
        decisions=decisions,
        dropped=dropped,
    )


def _refuse_empty_sources(ingest: Ingest, units: Sequence[CleanedUnit]) -> None:
    for settings in ingest.sources:
        own = [unit for unit in units if unit.source == settings.name]
        if not any(unit.pieces for unit in own):
            dropped: Counter[str] = Counter()
            for unit in own:
                dropped.update(unit.dropped)
            reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(dropped.items()))
            raise CorpusError(
                f"the source {settings.name!r} has no usable text ({reasons or 'nothing at all'}); "
                f"put text below ingest.raw={ingest.raw}, or take it out of ingest.sources"
            )


def _write_shards(
    pieces: Sequence[Piece], decisions: Decisions, scratch: Path, executor: Executor, emit: Emit
) -> dict[str, ShardSize]:
    scatter_tasks = [
        ScatterTask(piece=piece, fates=fates, shards=decisions.shards, folder=scratch / "scattered")
        for piece, fates in zip(pieces, decisions.fates, strict=True)
    ]
    run_all(executor, scatter, scatter_tasks, emit=emit, what="pieces scattered")
    places = [(split, shard) for split in SPLITS for shard in range(decisions.shards[split])]
    gather_tasks = [
        GatherTask(
            split=split,
            shard=shard,
            slice=place,
            pieces=[piece.name for piece in pieces],
            scattered=scratch / "scattered",
            corpus=scratch / "corpus",
            groups=scratch / "groups",
        )
        for place, (split, shard) in enumerate(places)
    ]
    sizes = run_all(executor, gather, gather_tasks, emit=emit, what="shards written")
    found: dict[str, ShardSize] = {}
    for split in SPLITS:
        own = [size for (name, _), size in zip(places, sizes, strict=True) if name == split]
        found[split] = ShardSize(
            documents=sum(size.documents for size in own),
            characters=sum(size.characters for size in own),
            bytes=sum(size.bytes for size in own),
        )
    return found


def _count_drops(units: Sequence[CleanedUnit], decisions: Decisions) -> Counter[str]:
    dropped: Counter[str] = Counter()
    for unit in units:
        dropped.update(unit.dropped)
    counts = sum(np.bincount(fates, minlength=len(FATES)) for fates in decisions.fates)
    for reason in DROP_REASONS:
        dropped[reason] += int(np.asarray(counts)[FATES.index(reason)])
    return +dropped


def _write_samples(scratch: Path, units: int, pieces: Sequence[Piece], duplicates: Path) -> None:
    """Merge all samples of dropped documents into one table; duplicates say of what."""
    files = [scratch / "clean" / f"{number:05d}.dropped" for number in range(units)]
    files += [scratch / "scattered" / f"{piece.name}.dropped" for piece in pieces]
    samples = pl.read_parquet(files[0])
    for path in files[1:]:
        samples = lowest(pl.concat([samples, pl.read_parquet(path)]))
    others = (
        pl.scan_parquet(duplicates)
        .filter(pl.col("id").is_in(samples["id"].implode()) & pl.col("reason").is_not_null())
        .select("id", "reason", "duplicate_of")
        .collect()
        .unique(["id", "reason"], keep="first", maintain_order=True)
    )
    samples = samples.join(others, on=["id", "reason"], how="left", maintain_order="left")
    write_frame(scratch / "corpus" / DROPPED_FILE, samples)


def publish(corpus: Corpus, target: Path) -> None:
    """Move a finished corpus to where DVC expects it, in place of an older one."""
    for split in SPLITS:
        wanted = {shard_name(number) for number in range(corpus.decisions.shards[split])}
        for path in (corpus.folder / split).iterdir():
            if path.name not in wanted:
                path.unlink()  # half a file of a process that was killed
    for path in corpus.folder.glob(".*"):
        path.unlink()
    put_folder(corpus.folder, target)
