"""Raw rows -> rows of the splits, with every row accounted for."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gptpath.errors import CorpusError
from gptpath.finetune.reading.fields import Fields
from gptpath.finetune.reading.raw import Raw, RowError

SAMPLES = 3
"""Rows shown for each reason."""

Items = list[dict[str, Any]]


@dataclass(kw_only=True, slots=True)
class Tally:
    """Counts the rows of a data set as its files are read."""

    read: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)
    samples: dict[str, list[str]] = field(default_factory=dict)

    def note(self, raw: Raw, error: RowError) -> None:
        """Count a row that cannot be used, and keep it as a sample if it is among the first."""
        self.set_aside[error.reason] += 1
        kept = self.samples.setdefault(error.reason, [])
        if len(kept) < SAMPLES:
            kept.append(f"{raw.shown()} ({error})")


def collect(
    rows: Iterable[Raw], fields: Fields, *, split: str, tally: Tally, refuse: bool
) -> Items:
    """Items of a split in their order, each with the `id` of its row.

    Raises:
        CorpusError: a row cannot be used and `refuse` is set; the message shows it.
    """
    items: Items = []
    for raw in rows:
        tally.read[split] += 1
        try:
            if raw.problem is not None:
                raise raw.problem
            items.append({"id": raw.id} | fields.row(raw.values))
        except RowError as error:
            if refuse:
                raise CorpusError(
                    f"{error} ({error.reason}); correct or delete the row, or state "
                    f"bad_rows: set-aside; {raw.shown()}"
                ) from None
            tally.note(raw, error)
    return items


def only(rows: Iterable[Raw], field_name: str, prefix: str) -> Iterable[Raw]:
    """The rows whose field begins with `prefix`; those that cannot be read stay in."""
    for raw in rows:
        if raw.problem is not None or str(raw.values.get(field_name, prefix)).startswith(prefix):
            yield raw


def texts_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """All texts of a row in lower case with single blanks, for comparing rows.

    Of pairs whose order means nothing the two texts are sorted.
    """
    texts: list[str] = []
    for column, value in row.items():
        if column not in ("id", "label"):
            texts += [value] if isinstance(value, str) else [str(one) for one in value]
    plain = [" ".join(text.lower().split()) for text in texts]
    return tuple(sorted(plain) if "text_a" in row else plain)


def check_labels(name: str, labels: Sequence[str], items: Sequence[Mapping[str, Any]]) -> None:
    """Refuse training rows that are all of one label or score.

    Raises:
        CorpusError: there is nothing to learn.
    """
    found = Counter(item["label"] for item in items)
    if len(found) < 2:
        [label] = found or [None]
        shown = labels[label] if isinstance(label, int) and label < len(labels) else label
        raise CorpusError(
            f"all {len(items)} training items of task {name!r} have one label, {shown!r}; there "
            f"is nothing to learn, two are needed; row: {dict(items[0])!r:.300}"
        )
