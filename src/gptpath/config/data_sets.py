"""Labelled data sets by name: the embedded ones, GPT-1's twelve, and a user's own files."""

import difflib
import re
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Literal

from gptpath.config.sections import FINETUNE_TASKS, FORBID_UNKNOWN, require

DataKind = Literal["classification", "entailment", "similarity", "multiple-choice", "regression"]
Metric = Literal["accuracy", "f1", "matthews", "pearson", "spearman"]

PUBLISHED = (
    "mnli-m",
    "mnli-mm",
    "snli",
    "scitail",
    "qnli",
    "rte",
    "story-cloze",
    "race-m",
    "race-h",
    "race",
    "cola",
    "sst-2",
    "mrpc",
    "sts-b",
    "qqp",
)
"""GPT-1's twelve data sets (GPT-1 Tables 2 to 4); MNLI has two test sets, RACE two levels."""

TEXTS: dict[DataKind, tuple[str, ...]] = {
    "classification": ("text",),
    "entailment": ("premise", "hypothesis"),
    "similarity": ("text_a", "text_b"),
    "multiple-choice": ("context", "choices"),
    "regression": ("text_a", "text_b"),
}
"""The columns of each kind besides `label`; multiple choice may have a `question` too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSet:
    """One labelled data set of the user's: files in `data_sets.folder`."""

    kind: DataKind
    train: str
    """File of `data_sets.folder`: .csv, .tsv, .jsonl, .json or .parquet; text may be .gz."""
    validation: str | None = None
    """None: `validation_fraction` of the training rows."""
    test: str | None = None
    """None: `test_fraction` of the training rows."""
    columns: dict[str, str | tuple[str, ...]] = field(default_factory=dict)
    """Our column -> the file's, where they differ; a list of columns for `choices` means one
    answer each, for a text that they are joined by a blank."""
    labels: tuple[bool | int | str, ...] = ()
    """The values of the label column, in the order of the classes. Multiple choice: the values
    that stand for the first answer, the second, ...; none means 0, 1, ... Regression has none."""
    metric: Metric | None = None
    """None: accuracy, or Pearson's correlation for regression. f1 is that of the second label."""
    score_range: tuple[float, float] | None = None
    """Regression: the lowest and the highest score."""
    header: tuple[str, ...] | None = None
    """Names of the columns of CSV or TSV files without a header row."""
    quotes: bool | None = None
    """Whether double quotes enclose fields; None: in .csv they do, in .tsv they are text."""
    encoding: str = "utf-8"
    bad_rows: Literal["refuse", "set-aside"] = "refuse"
    """`refuse` stops at the first row that cannot be used; `set-aside` counts them by reason."""
    validation_fraction: float = 0.1
    test_fraction: float = 0.2
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        known = {*TEXTS[self.kind], "label"}
        if self.kind == "multiple-choice":
            known.add("question")
        unknown = sorted(set(self.columns) - known)
        self._require(
            not unknown,
            f"columns names {unknown}, which kind {self.kind} has not; known: {sorted(known)}",
        )
        self._require(
            isinstance(self.columns.get("label", ""), str), "columns.label must be one column"
        )
        for name in ("validation_fraction", "test_fraction"):
            self._require(0 < getattr(self, name) < 0.5, f"{name} must lie between 0 and 0.5")
        self._check_labels()
        self._check_metric()

    def _check_labels(self) -> None:
        names = self.label_names
        self._require(len(set(names)) == len(names), f"labels {list(names)} name a value twice")
        if self.kind == "regression":
            self._require(not names, "regression has scores, no labels; take labels out")
            self._require(
                self.score_range is not None and self.score_range[0] < self.score_range[1],
                f"regression needs score_range: [lowest, highest], given {self.score_range}",
            )
            return
        self._require(self.score_range is None, "score_range belongs to kind regression")
        self._require(
            self.kind == "multiple-choice" or len(names) >= 2,
            f"kind {self.kind} needs labels, the two or more values of the label column, given "
            f"{list(names)}",
        )

    def _check_metric(self) -> None:
        correlation = self.official_metric in ("pearson", "spearman")
        self._require(
            correlation == (self.kind == "regression"),
            f"metric {self.official_metric} does not fit kind {self.kind}",
        )
        two = self.kind != "multiple-choice" and len(self.labels) == 2
        self._require(
            self.official_metric != "f1" or two,
            "metric f1 is that of the second of two labels; use accuracy or matthews",
        )

    def _require(self, condition: bool, message: str) -> None:
        require(condition, f"data_sets.own, the set of {self.train}: {message}")

    @property
    def label_names(self) -> tuple[str, ...]:
        """Labels as text; booleans as JSON writes them."""
        return tuple(
            str(label).lower() if isinstance(label, bool) else str(label) for label in self.labels
        )

    @property
    def official_metric(self) -> Metric:
        """The metric, the kind's own where none is named."""
        if self.metric is not None:
            return self.metric
        return "pearson" if self.kind == "regression" else "accuracy"


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSets:
    """The section `data_sets` of params.yaml: labelled data besides the embedded tasks.

    The published sets lie in `zeroshot.benchmarks_dir`, like the other benchmarks.
    """

    folder: str = "data/labelled"
    """Folder of the user's files, a dependency of the stage: a changed file makes it stale."""
    own: dict[str, DataSet] = field(default_factory=dict)
    """Name -> files; the names may stand in `matrix.finetune_tasks`."""
    hub: bool = False
    """Whether published sets that are no local files are loaded from the Hugging Face hub."""
    revisions: dict[str, str] = field(default_factory=dict)
    """Hub data set -> commit, where it is not the pinned one."""
    drop_duplicates: bool = True
    """Whether rows of train and validation whose texts a later split has too are left out; they
    are counted in any case. The embedded tasks are left as they are."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        for name, own in self.own.items():
            require(
                re.fullmatch(r"[a-z0-9][a-z0-9._-]*", name) is not None,
                f"data_sets.own names {name!r}; use small letters, digits, - . and _",
            )
            require(
                name not in (*PUBLISHED, *FINETUNE_TASKS),
                f"data_sets.own names {name!r}, which is the name of a data set of its own",
            )
            for file in (own.train, own.validation, own.test):
                inside = file is None or not (
                    PurePath(file).is_absolute() or ".." in PurePath(file).parts
                )
                require(
                    inside,
                    f"data_sets.own.{name} names {file}, outside data_sets.folder={self.folder}, "
                    "where changes would go unnoticed; set folder, and name files below it",
                )
        for data_set, revision in self.revisions.items():
            require(
                re.fullmatch(r"[0-9a-f]{40}", revision) is not None,
                f"data_sets.revisions.{data_set}={revision!r} is no commit of 40 hex digits",
            )

    def check_tasks(self, tasks: tuple[str, ...]) -> None:
        """Refuse names in `matrix.finetune_tasks` that are no data set."""
        known = (*FINETUNE_TASKS, *PUBLISHED, *self.own)
        for name in tasks:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            require(
                name in known,
                f"unknown finetune_tasks {name!r}{hint}; known: {', '.join(known)}",
            )
