"""What is known of one published data set."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from gptpath.config.data_sets import DataKind, Metric
from gptpath.finetune.reading.collect import Items
from gptpath.finetune.reading.fields import Fields
from gptpath.finetune.reading.raw import Raw

Part = tuple[str, ...]
"""Files that make up one split, joined in this order; `*` stands for any characters."""

Carve = Callable[[Items], tuple[Items, Items]]
"""Training items -> (training, validation), where a paper says how."""


class Reader(Protocol):
    """A file format."""

    def read(self, path: Path) -> Iterator[Raw]:
        """Yield the rows of a file."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Files of a data set as somebody publishes them."""

    title: str
    """Whose files these are, for messages and reports."""
    folders: tuple[str, ...]
    """Places in the folder of benchmarks where they may lie, tried in this order."""
    train: Part
    validation: Part = ()
    """Empty: a part of the training rows is held back."""
    test: Part = ()
    """Rows with labels; empty: a part of the training rows is held back."""
    reader: Reader
    fields: Fields
    splits: str
    """Where each split comes from, one sentence."""
    needs: tuple[tuple[str, str], ...] = ()
    """(file, column): the layout is this one only if the file's header has the column."""
    carve: Carve | None = None
    """How validation is held back, where it is not by hashes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hub:
    """A data set of the Hugging Face hub; copies of its Parquet files are a layout too."""

    id: str
    config: str | None
    revision: str
    """Commit of the data set's repository."""
    fields: Fields
    train: str = "train"
    validation: str | None = None
    """None: a part of the training rows is held back."""
    test: str
    """The split with labels."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Published:
    """One data set of GPT-1's suite."""

    name: str
    title: str
    kind: DataKind
    labels: tuple[str, ...]
    """Empty for multiple choice and regression."""
    metric: Metric
    """The one that GPT-1 reports."""
    gpt1: float
    """GPT-1's score in per cent, on the official test set."""
    table: str
    """Where the paper prints it."""
    train_rows: int
    """About the rows of the full training set, as its authors state them; for estimates alone."""
    layouts: tuple[Layout, ...]
    hub: Hub | None = None
    only: tuple[str, str] | None = None
    """(field, beginning of its value): the rows that belong to this data set, where a layout's
    files hold another's too."""
    score_range: tuple[float, float] | None = None


def classes(*labels: str, **others: int) -> Mapping[str, int]:
    """Label -> index in the order given; `others` are more spellings."""
    return {label: index for index, label in enumerate(labels)} | others


NO_LABEL = frozenset({"-", "-1"})
"""Marks of rows without a gold label: SNLI's and MultiNLI's, and the hub's."""
