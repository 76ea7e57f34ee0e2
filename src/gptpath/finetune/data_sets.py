"""Labelled data sets by name -> rows of the three splits, checked before anything is trained."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from gptpath.config.data_sets import Metric
from gptpath.config.params import Params
from gptpath.errors import CorpusError
from gptpath.model.heads import TaskKind
from gptpath.text.labelled.task_files import TaskSpec, read_items, read_specs

Row = Mapping[str, Any]
"""One labelled item: `id`, the columns of its kind, `label`.

Columns: classification `text`; entailment `premise`, `hypothesis`; similarity and regression
`text_a`, `text_b`; multiple choice `context`, `choices` (two or more, their number may differ from
item to item) and, where there is one, `question`, which stands after the context and must not be
cut off with it. `label` is an index (of the labels, or of the right answer), of regression a float.
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """What became of the rows of a data set's files; goes into the metrics as it is."""

    read: Mapping[str, int] = field(default_factory=dict)
    """Rows found, by split."""
    kept: Mapping[str, int] = field(default_factory=dict)
    """Rows used, by split."""
    set_aside: Mapping[str, int] = field(default_factory=dict)
    """Rows that could not be used, by reason."""
    samples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The first rows set aside for each reason: file, row number, content."""
    duplicates: Mapping[str, int] = field(default_factory=dict)
    """`train/test` and so on: rows of the first split whose texts are in the second too."""
    dropped: Mapping[str, int] = field(default_factory=dict)
    """Rows left out of a split because a later split has them, by split."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRows:
    """One task: its name, kind, labels and rows. The splits share no document."""

    name: str
    kind: TaskKind
    """`regression` once the heads know it."""
    labels: tuple[str, ...]
    """Names of the labels; of a multiple-choice task the numbers of the answers, as many as the
    longest item has; empty for regression."""
    train: Sequence[Row]
    validation: Sequence[Row]
    test: Sequence[Row]
    metric: Metric = "accuracy"
    """The data set's official metric; f1 is that of label 1."""
    score_range: tuple[float, float] | None = None
    """Regression: the lowest and the highest score."""
    splits_note: str = ""
    """Where each split comes from, one sentence."""
    counts: Counts = field(default_factory=Counts)


@dataclass(frozen=True, kw_only=True, slots=True)
class Absent:
    """A data set that is not here, and why."""

    name: str
    kind: str
    metric: Metric
    reason: str


def read_data_set(name: str, *, params: Params, root: Path) -> TaskRows | Absent:
    """Read data set `name` of `matrix.finetune_tasks`, at most as many rows as `finetune` says.

    Raises:
        CorpusError: a split is empty, training rows are all of one class, or rows cannot be used.
    """
    folder = root / "data" / "tasks"
    spec = read_specs(folder)[name]
    if spec.absent is not None:
        return Absent(name=name, kind=spec.kind, metric="accuracy", reason=spec.absent)
    return read_task(
        folder,
        spec,
        max_train=params.finetune.max_train_examples,
        max_evaluated=params.finetune.max_test_examples,
    )


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
    return TaskRows(
        name=spec.name,
        kind=kind,
        labels=labels,
        train=rows["train"],
        validation=rows["validation"],
        test=rows["test"],
    )


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
