"""Which documents say what another one says already."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

import polars as pl

from gptpath.config.duplicates import Duplicates
from gptpath.events import Emit
from gptpath.text.documents import write_frame
from gptpath.text.executors import run_all


def find_duplicates(
    shards: Sequence[Path], scratch: Path, settings: Duplicates, executor: Executor, emit: Emit
) -> Path:
    """Write a decision a document and return its path; only equal texts count so far."""
    del settings
    tables = run_all(executor, fingerprints, shards, emit=emit, what="shards compared")
    decisions = (
        pl.concat(tables)
        .with_columns(family=pl.col("id").min().over("text"))
        .select(
            "id",
            duplicate_of=pl.when(pl.col("id") != pl.col("family")).then("family"),
            reason=pl.when(pl.col("id") != pl.col("family")).then(pl.lit("duplicate")),
            similarity=pl.lit(None, dtype=pl.Float32),
            family="family",
        )
        .sort("id")
    )
    write_frame(scratch / "duplicates.parquet", decisions)
    return scratch / "duplicates.parquet"


def fingerprints(shard: Path) -> pl.DataFrame:
    """Ids and hashes of texts, compared without white space and case."""
    frame = pl.read_parquet(shard, columns=["id", "text"])
    hashes = [_fingerprint(text) for text in frame["text"]]
    return pl.DataFrame({"id": frame["id"], "text": pl.Series(hashes, dtype=pl.Binary)})


def _fingerprint(text: str) -> bytes:
    return hashlib.blake2b("".join(text.casefold().split()).encode(), digest_size=16).digest()
