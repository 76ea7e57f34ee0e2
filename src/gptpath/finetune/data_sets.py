"""Labelled task files -> rows of the three splits, checked before anything is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from gptpath.errors import CorpusError
from gptpath.model.heads import TaskKind
from gptpath.text.labelled.task_files import TaskSpec, read_items

Row = Mapping[str, Any]
"""One labelled item; its columns depend on the task's kind."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRows:
    """One task: its name, kind, labels and rows. The splits share no document."""

    name: str
    kind: TaskKind
    labels: tuple[str, ...]
    """Names of the labels; of a multiple-choice task the numbers of the answers."""
    train: Sequence[Row]
    validation: Sequence[Row]
    test: Sequence[Row]


def read_task(
    folder: Path, spec: TaskSpec, *, max_train: int | None, max_evaluated: int | None
) -> TaskRows:
    """Read a task of `folder`; at most `max_evaluated` items of validation and of test each.

    Raises:
        CorpusError: a split is empty, or training rows are all of one class.
    """
    limits = {"train": max_train, "validation": max_evaluated, "test": max_evaluated}
    rows = {split: read_items(folder, spec.name, split, limit) for split, limit in limits.items()}
    for split, items in rows.items():
        if not items:
            raise CorpusError(
                f"task {spec.name!r} has no {split} items; give it documents for all of train, "
                "validation and test (more text, or a larger ingest.tasks_fraction)"
            )
    labels = tuple(spec.labels)
    if spec.kind == "multiple-choice":
        labels = tuple(str(i) for i in range(_number_of_choices(rows["train"][0])))
    else:
        _check_classes(spec.name, rows["train"])
    kind = cast("TaskKind", spec.kind)  # Transformation refuses kinds without a head
    return TaskRows(name=spec.name, kind=kind, labels=labels, **rows)


def _number_of_choices(row: Row) -> int:
    choices = row.get("choices")
    if not isinstance(choices, list) or len(choices) < 2:
        raise CorpusError(f"choices must list two answers or more; row: {dict(row)!r:.300}")
    return len(choices)


def _check_classes(name: str, rows: Sequence[Row]) -> None:
    classes = {row.get("label") for row in rows}
    if len(classes) < 2:
        raise CorpusError(
            f"all {len(rows)} training items of task {name!r} have one label, {classes.pop()!r}; "
            f"there is nothing to learn, two classes are needed; row: {dict(rows[0])!r:.300}"
        )
