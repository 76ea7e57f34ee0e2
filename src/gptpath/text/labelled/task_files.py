"""Labelled items on disk: one parquet file a task, and tasks.json that says what they are.

Readers at training and evaluation time import this module alone of the text room.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gptpath.errors import CorpusError
from gptpath.text.json_files import write_json

SPECS_FILE = "tasks.json"
SPLITS = ("train", "validation", "test")
KEYS = ("id", "document", "split")
"""Columns of every task besides its own: item, source document, and which split."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskSpec:
    """What one task is; an absent task has a reason and no file."""

    name: str
    kind: str
    """classification, entailment, similarity, multiple-choice, last-word, cloze or summary."""
    labels: tuple[str, ...]
    """Names of the labels 0, 1, ...; empty where a label is the index of a choice or none."""
    columns: tuple[str, ...]
    """The task's own columns (docs/formats.md)."""
    description: str
    absent: str | None = None
    """Why this corpus cannot yield the task; None where it does."""


def write_task(folder: Path, spec: TaskSpec, items: Sequence[Mapping[str, Any]]) -> None:
    """Write the items of a task, sorted by id; equal items give equal bytes."""
    import polars as pl

    columns = [*KEYS, *spec.columns]
    for item in items:
        if set(item) != set(columns):
            raise CorpusError(f"item of {spec.name} has columns {sorted(item)}, not {columns}")
    rows = sorted(items, key=lambda item: item["id"])
    frame = pl.DataFrame({name: [row[name] for row in rows] for name in columns})
    folder.mkdir(parents=True, exist_ok=True)
    temporary = folder / f".{spec.name}.tmp"
    frame.write_parquet(temporary, compression="zstd")
    os.replace(temporary, folder / f"{spec.name}.parquet")


def write_specs(folder: Path, specs: Sequence[TaskSpec]) -> None:
    """Write tasks.json, absent tasks included."""
    entries = [
        {key: value for key, value in asdict(spec).items() if value is not None} for spec in specs
    ]
    write_json(folder / SPECS_FILE, entries)


def read_specs(folder: Path) -> dict[str, TaskSpec]:
    """All tasks of a folder by name, absent ones included."""
    path = folder / SPECS_FILE
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        specs = [_spec(entry) for entry in entries]
    except FileNotFoundError:
        raise CorpusError(f"no {path}; run `gptpath ingest` first") from None
    except (ValueError, TypeError, KeyError) as error:
        raise CorpusError(f"{path} is damaged: {error!r}; run `gptpath ingest` again") from None
    return {spec.name: spec for spec in specs}


def _spec(entry: dict[str, Any]) -> TaskSpec:
    tuples = {key: tuple(entry[key]) for key in ("labels", "columns")}
    fields: dict[str, Any] = {**entry, **tuples}
    return TaskSpec(**fields)


def read_items(
    folder: Path, name: str, split: str, limit: int | None = None
) -> list[dict[str, Any]]:
    """Items of one split in id order; ids are hashes, so the first `limit` are a random sample.

    Raises CorpusError for an unknown or absent task, a damaged file, or an unknown split.
    """
    import polars as pl

    specs = read_specs(folder)
    if name not in specs:
        raise CorpusError(f"{folder} has no task {name!r}; known: {', '.join(sorted(specs))}")
    if specs[name].absent is not None:
        raise CorpusError(f"task {name!r} is absent in {folder}: {specs[name].absent}")
    if split not in SPLITS:
        raise CorpusError(f"unknown split {split!r} of task {name!r}; known: {', '.join(SPLITS)}")
    path = folder / f"{name}.parquet"
    if not path.is_file():
        raise CorpusError(f"no {path}, which {SPECS_FILE} names; run `gptpath ingest` again")
    try:
        frame = pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise CorpusError(f"{path} is damaged: {error}; run `gptpath ingest` again") from None
    chosen = frame.filter(pl.col("split") == split).sort("id")
    return (chosen if limit is None else chosen.head(limit)).to_dicts()
