"""Labelled data sets by name -> rows of the three splits, checked before anything is trained."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from gptpath.config.data_sets import DataKind, Metric
from gptpath.config.finetune import Finetune
from gptpath.config.params import Params
from gptpath.errors import ConfigError, CorpusError
from gptpath.finetune.own_files import load_own
from gptpath.finetune.reading.assemble import Assembled
from gptpath.finetune.reading.collect import check_labels
from gptpath.finetune.reading.hub import Load, load_split
from gptpath.finetune.reading.splits import sample, shared_rows
from gptpath.finetune.suite.loading import load_published
from gptpath.finetune.suite.table import TABLE
from gptpath.model.heads import TaskKind
from gptpath.text.labelled.task_files import TaskSpec, read_items, read_specs

logger = logging.getLogger(__name__)

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
    """Rows that can be used, by split, before `finetune.max_train_examples` and the like."""
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


def read_data_set(
    name: str, *, params: Params, root: Path, load: Load = load_split
) -> TaskRows | Absent:
    """Read data set `name` of `matrix.finetune_tasks`, at most as many rows as `finetune` says.

    `name` is a data set of `data_sets.own`, one of GPT-1's twelve, or an embedded task. `load` is
    how the hub is asked.

    Raises:
        CorpusError: a split is empty, training rows are all of one class, or rows cannot be used.
        ConfigError: there is no such data set.
    """
    settings, limits = params.data_sets, params.finetune
    if name in settings.own:
        own = settings.own[name]
        found = load_own(
            name, own, root / settings.folder, drop_duplicates=settings.drop_duplicates
        )
        labels, metric, score_range = own.label_names, own.official_metric, own.score_range
        return _task_rows(name, own.kind, labels, metric, score_range, found, limits)
    if name in TABLE:
        entry = TABLE[name]
        folder = root / params.zeroshot.benchmarks_dir
        found = load_published(entry, folder, settings, load)
        if isinstance(found, str):
            return Absent(name=name, kind=entry.kind, metric=entry.metric, reason=found)
        return _task_rows(
            name, entry.kind, entry.labels, entry.metric, entry.score_range, found, limits
        )
    return _read_embedded(name, root / "data" / "tasks", limits)


def _warn_of_unseen(name: str, labels: Sequence[str], train: Sequence[Row]) -> None:
    seen = {row["label"] for row in train}
    unseen = [label for index, label in enumerate(labels) if index not in seen]
    if unseen:
        logger.warning(
            "data set %s: no training row has %s; such rows of the other splits will be wrong",
            name,
            ", ".join(map(repr, unseen)),
        )


def _read_embedded(name: str, folder: Path, limits: Finetune) -> TaskRows | Absent:
    specs = read_specs(folder)
    if name not in specs:
        raise ConfigError(f"no task {name!r} in {folder}; known: {', '.join(sorted(specs))}")
    spec = specs[name]
    if spec.absent is not None:
        return Absent(name=name, kind=spec.kind, metric="accuracy", reason=spec.absent)
    return read_task(
        folder,
        spec,
        max_train=limits.max_train_examples,
        max_evaluated=limits.max_test_examples,
    )


def _task_rows(
    name: str,
    kind: DataKind,
    labels: tuple[str, ...],
    metric: Metric,
    score_range: tuple[float, float] | None,
    found: Assembled,
    limits: Finetune,
) -> TaskRows:
    most = {
        "train": limits.max_train_examples,
        "validation": limits.max_test_examples,
        "test": limits.max_test_examples,
    }
    rows = {split: sample(items, most[split]) for split, items in found.splits.items()}
    if kind == "multiple-choice":
        longest = max(len(row["choices"]) for items in rows.values() for row in items)
        labels = tuple(str(i) for i in range(longest))
    else:
        check_labels(name, labels, rows["train"])
        _warn_of_unseen(name, labels, rows["train"])
    return TaskRows(
        name=name,
        kind=kind,
        labels=labels,
        train=rows["train"],
        validation=rows["validation"],
        test=rows["test"],
        metric=metric,
        score_range=score_range,
        splits_note=found.note,
        counts=Counts(
            read=found.read,
            kept={split: len(items) for split, items in found.splits.items()},
            set_aside=found.set_aside,
            samples=found.samples,
            duplicates=found.duplicates,
            dropped=found.dropped,
        ),
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
        check_labels(spec.name, labels, rows["train"])
    kind = cast("TaskKind", spec.kind)  # Transformation refuses kinds without a head
    return TaskRows(
        name=spec.name,
        kind=kind,
        labels=labels,
        train=rows["train"],
        validation=rows["validation"],
        test=rows["test"],
        splits_note="train, validation and test are items of different held-out documents",
        counts=Counts(
            read={split: len(items) for split, items in rows.items()},
            kept={split: len(items) for split, items in rows.items()},
            duplicates=shared_rows(rows),
        ),
    )


def _number_of_choices(row: Row) -> int:
    choices = row.get("choices")
    if not isinstance(choices, list) or len(choices) < 2:
        raise CorpusError(f"choices must list two answers or more; row: {dict(row)!r:.300}")
    return len(choices)
