"""Which documents of many shards are copies of others, exactly or nearly: one decision for each.

Three passes, each over shards or bands side by side: sign every document, find and verify pairs
with equal bands, decide. Documents are numbered in order of id, so that "lowest id" is "lowest
number" and nothing depends on the order of shards or on which worker finishes first.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from gptpath.config.duplicates import Duplicates
from gptpath.events import Emit
from gptpath.text.executors import run_all
from gptpath.text.linked_groups import Numbers, separate
from gptpath.text.near_links import NearLinks, NearSearch, made
from gptpath.text.shard_rows import ShardRows, read_ids
from gptpath.text.signature_files import FINGERPRINT, SHINGLES, keys_path, read_keys, sign_shard

DUPLICATE = "duplicate"
NEAR_DUPLICATE = "near_duplicate"

SCHEMA = {
    "id": pl.String,
    "duplicate_of": pl.String,
    "reason": pl.String,
    "similarity": pl.Float32,
    "family": pl.String,
}
"""Columns of the decisions (docs/duplicates.md)."""

_ROWS_AT_ONCE = 1 << 17
_ROWS_PER_GROUP = 1 << 16

_FORMAT = 1
"""Of the scratch files; a change of it makes older ones be ignored."""


def find_duplicates(
    shards: Sequence[Path], scratch: Path, settings: Duplicates, executor: Executor, emit: Emit
) -> Path:
    """Decide for each document of the shards (parquet with `id` and `text`) whether it stays.

    Returns a parquet file below `scratch` with SCHEMA, one row per document, sorted by id: of each
    group of duplicates the document of lowest id stays, the others name it in `duplicate_of`. The
    result does not depend on the executor or on how documents lie in shards. A run broken off goes
    on where it was, shard by shard. Workers need to see the same paths. Raises CorpusError where a
    shard cannot be read.
    """
    layout, ids, places = _rank(shards)
    folder = made(scratch / f"duplicates-{_fingerprint(shards, settings)}")
    decisions = folder / "decisions.parquet"
    if decisions.is_file():
        return decisions
    stems = _sign(shards, made(folder / "signatures"), settings, executor, emit)
    twins = _exact(stems, places)
    lowest, family, similarity = twins, twins, np.zeros(len(twins), np.float32)
    if settings.near:
        chosen = (twins == separate(len(twins))) & (read_keys(stems, (SHINGLES,))[0, places] > 0)
        links = NearSearch(
            shards=shards,
            stems=stems,
            layout=layout,
            members=places[chosen],
            folder=folder,
            settings=settings,
            executor=executor,
            emit=emit,
        ).run()
        lowest, family, similarity = _spread(links, chosen, twins)
    _write(decisions, ids, twins, lowest, family, similarity)
    return decisions


def _fingerprint(shards: Sequence[Path], settings: Duplicates) -> str:
    """What the scratch files depend on: shards are told apart by name and size."""
    files = [(shard.name, shard.stat().st_size) for shard in shards]
    key = json.dumps([_FORMAT, asdict(settings), files], sort_keys=True)
    return hashlib.blake2b(key.encode(), digest_size=8).hexdigest()


def _rank(shards: Sequence[Path]) -> tuple[ShardRows, pl.Series, Numbers]:
    """How rows lie in shards; the ids in order, and the place of each among all rows."""
    ids = read_ids(shards)
    layout = ShardRows.of([len(series) for series in ids])
    frame = pl.DataFrame({"id": pl.concat(ids)}) if ids else pl.DataFrame(schema={"id": pl.String})
    ranked = frame.with_row_index("place").sort("id", "place")
    return layout, ranked["id"], ranked["place"].to_numpy()


def _sign(
    shards: Sequence[Path], folder: Path, settings: Duplicates, executor: Executor, emit: Emit
) -> list[Path]:
    stems = [folder / f"{number:05d}" for number in range(len(shards))]
    waiting = [
        (shard, stem)
        for shard, stem in zip(shards, stems, strict=True)
        if not keys_path(stem).is_file()
    ]
    sign = partial(sign_shard, settings=settings)
    run_all(executor, sign, waiting, emit=emit, what="shards signed")
    return stems


def _exact(stems: Sequence[Path], places: Numbers) -> Numbers:
    """The lowest number with the same text but for white space and case, for each number."""
    high, low = read_keys(stems, FINGERPRINT)[:, places]
    order = np.lexsort((low, high))  # stable: equal texts stay in order of number
    first = np.ones(len(order), bool)
    first[1:] = (high[order][1:] != high[order][:-1]) | (low[order][1:] != low[order][:-1])
    twins = np.empty(len(order), np.uint32)
    twins[order] = order[first][np.cumsum(first) - 1]
    return twins


def _spread(
    links: NearLinks, chosen: npt.NDArray[np.bool_], twins: Numbers
) -> tuple[Numbers, Numbers, npt.NDArray[np.float32]]:
    """Carry links from the documents that were compared over to all, exact duplicates included."""
    numbers = np.flatnonzero(chosen)
    lowest, family = separate(len(twins)), separate(len(twins))
    similarity = np.zeros(len(twins), np.float32)
    lowest[numbers], family[numbers] = numbers[links.near], numbers[links.family]
    similarity[numbers] = links.similarity
    return lowest[twins], family[twins], similarity[twins]


def _write(
    path: Path,
    ids: pl.Series,
    twins: Numbers,
    lowest: Numbers,
    family: Numbers,
    similarity: npt.NDArray[np.float32],
) -> None:
    """Write the decisions part by part, as the strings of all of them would take much memory."""
    several = np.bincount(twins, minlength=1) > 1
    folder = made(path.with_suffix(".parts"))
    parts: list[Path] = []
    for start in range(0, max(len(ids), 1), _ROWS_AT_ONCE):
        some = slice(start, start + _ROWS_AT_ONCE)
        numbers = separate(len(ids))[some]
        frame = pl.DataFrame(
            {
                "id": ids[some],
                "duplicate_of": ids.gather(lowest[some]),
                "dropped": lowest[some] != numbers,
                "exact": twins[some] != numbers,
                "similarity": np.where(several[twins[some]], np.float32(1), similarity[some]),
                "family": ids.gather(family[some]),
            }
        ).select(
            "id",
            pl.when("dropped").then("duplicate_of").alias("duplicate_of"),
            pl.when("exact")
            .then(pl.lit(DUPLICATE))
            .when("dropped")
            .then(pl.lit(NEAR_DUPLICATE))
            .alias("reason"),
            pl.when(pl.col("similarity") > 0).then("similarity").alias("similarity"),
            "family",
        )
        parts.append(folder / f"{len(parts):05d}.parquet")
        frame.cast(pl.Schema(SCHEMA)).write_parquet(parts[-1])
    temporary = path.with_name(f".{path.name}.tmp")
    pl.scan_parquet(parts).sink_parquet(
        temporary, compression="zstd", row_group_size=_ROWS_PER_GROUP, maintain_order=True
    )
    os.replace(temporary, path)
    shutil.rmtree(folder)
