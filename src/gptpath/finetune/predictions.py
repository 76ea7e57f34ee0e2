"""What every run said of every test item, as Parquet, for error analysis later."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from gptpath.finetune.data_sets import TaskRows
from gptpath.finetune.experiment import Run
from gptpath.finetune.regression import score_at


def write_predictions(path: Path, task: TaskRows | None, runs: Sequence[Run]) -> None:
    """Write one row for each run and test item, in that order; equal runs give equal bytes.

    Columns (docs/formats.md): `id`, `split`, `variant`, `seed`, `label`, `predicted` (names of
    labels; of a regression scores), `probabilities`. Without a task the file has no rows.
    """
    import polars as pl

    value = pl.Float64 if task is not None and task.score_range is not None else pl.String
    schema = {
        "id": pl.String,
        "split": pl.String,
        "variant": pl.String,
        "seed": pl.Int64,
        "label": value,
        "predicted": value,
        "probabilities": pl.List(pl.Float32),
    }
    rows = [] if task is None else [row for run in runs for row in _rows(task, run)]
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    frame.write_parquet(temporary, compression="zstd")
    os.replace(temporary, path)


def _rows(task: TaskRows, run: Run) -> Iterator[tuple[object, ...]]:
    items = zip(task.test, run.predicted, run.probabilities, strict=True)
    for row, place, probabilities in items:
        label, predicted = _named(task, row["label"]), _predicted(task, place)
        yield row["id"], "test", run.variant, run.seed, label, predicted, list(probabilities)


def _named(task: TaskRows, label: float) -> str | float:
    if task.score_range is not None:
        return float(label)
    return task.labels[int(label)]


def _predicted(task: TaskRows, place: float) -> str | float:
    if task.score_range is not None:
        return score_at(place, task.score_range)
    return task.labels[int(place)]
