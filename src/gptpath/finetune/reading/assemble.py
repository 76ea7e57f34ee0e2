"""What a data set's files hold -> checked rows of three splits, and the account of all rows."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gptpath.errors import CorpusError
from gptpath.finetune.reading.collect import Items, Tally, collect
from gptpath.finetune.reading.fields import Fields
from gptpath.finetune.reading.raw import Raw
from gptpath.finetune.reading.splits import SPLITS, carve, shared_rows, without_later_rows

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Where the rows of each split come from."""

    splits: Mapping[str, Iterable[Raw]]
    """Train at least; the others are carved out of it."""
    fields: Fields
    note: str
    """Where each split comes from, one sentence."""
    carve: Callable[[Items], tuple[Items, Items]] | None = None
    """How validation is held back, where it is not by hashes."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldBack:
    """How much of train goes to the splits that are missing."""

    test_fraction: float
    validation_fraction: float
    """Of what test leaves."""
    validation_most: int | None = None
    """None: as many as the fraction says."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assembled:
    """Rows of the three splits and what became of all others."""

    splits: dict[str, Items]
    note: str
    read: dict[str, int]
    """Rows of the files, by the split whose files they are."""
    set_aside: dict[str, int]
    samples: dict[str, list[str]] = field(default_factory=dict)
    duplicates: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, int] = field(default_factory=dict)


def assemble(
    name: str, origin: Origin, held_back: HeldBack, *, refuse: bool, drop_duplicates: bool
) -> Assembled:
    """Read, check, complete the splits, and look for rows that two of them share.

    Raises:
        CorpusError: a row cannot be used and `refuse` is set, or a split ends up empty.
    """
    tally = Tally()
    splits = {
        split: collect(rows, origin.fields, split=split, tally=tally, refuse=refuse)
        for split, rows in origin.splits.items()
    }
    _require(splits, name, tally)
    splits = _completed(name, origin, splits, held_back)
    duplicates = shared_rows(splits)
    dropped: dict[str, int] = {}
    if drop_duplicates and duplicates:
        splits, dropped = _without_shared(name, splits)
    _require(splits, name)
    found = Assembled(
        splits=splits,
        note=origin.note,
        read=dict(tally.read),
        set_aside=dict(sorted(tally.set_aside.items())),
        samples=dict(sorted(tally.samples.items())),
        duplicates=duplicates,
        dropped=dropped,
    )
    _show(name, found)
    return found


def _completed(
    name: str, origin: Origin, splits: Mapping[str, Items], held_back: HeldBack
) -> dict[str, Items]:
    """Hold rows of train back for the splits that are missing: first test, then validation."""
    train, kind = splits["train"], origin.fields.kind
    test, validation = splits.get("test"), splits.get("validation")
    if test is None:
        train, test = carve(
            train, fraction=held_back.test_fraction, most=None, kind=kind, salt=f"{name}/test"
        )
    if validation is None and origin.carve is not None:
        train, validation = origin.carve(train)
    elif validation is None:
        train, validation = carve(
            train,
            fraction=held_back.validation_fraction,
            most=held_back.validation_most,
            kind=kind,
            salt=f"{name}/validation",
        )
    return dict(zip(SPLITS, (train, validation, test), strict=True))


def _without_shared(
    name: str, splits: Mapping[str, Items]
) -> tuple[dict[str, Items], dict[str, int]]:
    """The splits without rows of a later one, and how many went; refuses to empty a split."""
    kept, dropped = without_later_rows(splits)
    for split, count in dropped.items():
        if not kept[split]:
            raise CorpusError(
                f"all {count} {split} rows of data set {name!r} are in a later split too; "
                "give it others, or state data_sets.drop_duplicates: false"
            )
    return kept, dropped


def _require(splits: Mapping[str, Items], name: str, tally: Tally | None = None) -> None:
    """Refuse a split without rows; with the tally of its file show one that cannot be used."""
    for split, items in splits.items():
        if items:
            continue
        detail = ""
        if tally is not None and tally.read[split]:
            shown = next(sample for samples in tally.samples.values() for sample in samples)
            detail = f"; of {tally.read[split]} rows read none can be used, e.g. {shown}"
        raise CorpusError(
            f"data set {name!r} has no {split} rows{detail}; give it rows for train, validation "
            "and test, or enough of train to hold some back"
        )


def _show(name: str, found: Assembled) -> None:
    """One row of each reason, so that the log shows what is wrong with it."""
    for reason, count in found.set_aside.items():
        sample = found.samples[reason][0]
        logger.warning("%s: %d rows set aside as %s, such as %s", name, count, reason, sample)
