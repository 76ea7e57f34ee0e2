"""Item records on disk: Parquet where Polars is installed, JSON lines on a bare machine.

Equal records give equal bytes. docs/formats.md has the columns.
"""

import importlib.util
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from gptpath.zeroshot.intervals import Resampling, bootstrap, wilson
from gptpath.zeroshot.results import ItemRecord
from gptpath.zeroshot.statistics import STATISTICS


def write_items(folder: Path, records: Sequence[ItemRecord]) -> Path:
    """Write `items.parquet`, or `items.jsonl` where Polars is absent; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    with_polars = importlib.util.find_spec("polars") is not None
    path = folder / ("items.parquet" if with_polars else "items.jsonl")
    temporary = path.with_name(f".{path.name}.tmp")
    rows = [asdict(record) for record in records]
    if with_polars:
        _write_parquet(temporary, rows)
    else:
        with temporary.open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(row, sort_keys=True) + "\n" for row in rows)
    os.replace(temporary, path)
    return path


def read_items(folder: Path) -> Iterator[dict[str, Any]]:
    """Rows of a folder's item file, in their order."""
    lines = folder / "items.jsonl"
    if lines.is_file():
        with lines.open(encoding="utf-8") as file:
            yield from map(json.loads, file)
        return
    import polars as pl

    yield from pl.read_parquet(folder / "items.parquet").iter_rows(named=True)


def recompute(
    rows: Sequence[Mapping[str, Any]], score: Mapping[str, Any], resampling: Resampling
) -> tuple[float, float, float]:
    """Value and interval of a score of results.json from the item records of its checkpoint."""
    sums = np.array(
        [
            measure["sums"]
            for row in rows
            if row["task"] == score["task"]
            for measure in row["measures"]
            if measure["metric"] == score["metric"]
        ]
    )
    statistic = STATISTICS[score["statistic"]]
    value = float(statistic(sums.sum(axis=0)))
    if score["interval"] == "wilson":
        return value, *wilson(int(sums[:, 0].sum()), int(sums[:, 1].sum()))
    low, high, _ = bootstrap(sums[sums.any(axis=1)], statistic, resampling)
    return value, low, high


def _write_parquet(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    import polars as pl

    measure = pl.Struct(
        {
            "metric": pl.String,
            "judged": pl.List(pl.Float64),
            "chosen": pl.Int64,
            "sums": pl.List(pl.Float64),
        }
    )
    schema = {
        "task": pl.String,
        "id": pl.String,
        "prompt": pl.String,
        "candidates": pl.List(pl.String),
        "references": pl.List(pl.String),
        "log_probs": pl.List(pl.Float64),
        "token_counts": pl.List(pl.Int64),
        "label": pl.Int64,
        "chosen": pl.Int64,
        "correct": pl.Boolean,
        "measures": pl.List(measure),
    }
    columns = {name: [row[name] for row in rows] for name in schema}
    pl.DataFrame(columns, schema=schema).write_parquet(path, compression="zstd")
