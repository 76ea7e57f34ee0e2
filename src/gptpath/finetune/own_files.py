"""A user's own labelled files, as `data_sets.own` describes them."""

import logging
from collections.abc import Iterable
from pathlib import Path

from gptpath.config.data_sets import TEXTS, DataSet
from gptpath.errors import CorpusError
from gptpath.finetune.reading.assemble import Assembled, HeldBack, Origin, assemble
from gptpath.finetune.reading.delimited import Delimited
from gptpath.finetune.reading.fields import Fields
from gptpath.finetune.reading.raw import Raw
from gptpath.finetune.reading.structured import JsonDocument, JsonLines, Parquet

logger = logging.getLogger(__name__)

FORMATS = (".csv", ".tsv", ".jsonl", ".json", ".parquet")


def load_own(name: str, settings: DataSet, folder: Path, *, drop_duplicates: bool) -> Assembled:
    """Read and check the files of one data set.

    Raises:
        CorpusError: a file is missing or damaged, or a row cannot be used (unless `bad_rows` sets
            such aside); the message names file and row and shows it.
    """
    files = {
        split: file
        for split, file in (
            ("train", settings.train),
            ("validation", settings.validation),
            ("test", settings.test),
        )
        if file is not None
    }
    texts = {column: settings.columns.get(column, column) for column in TEXTS[settings.kind]}
    if "question" in settings.columns:
        texts["question"] = settings.columns["question"]
    origin = Origin(
        splits={split: _rows(folder / file, settings) for split, file in files.items()},
        fields=Fields(
            kind=settings.kind,
            texts=texts,
            label=str(settings.columns.get("label", "label")),
            classes={label: index for index, label in enumerate(settings.label_names)},
            score_range=settings.score_range,
        ),
        note=_note(files, settings),
    )
    return assemble(
        name,
        origin,
        HeldBack(
            test_fraction=settings.test_fraction, validation_fraction=settings.validation_fraction
        ),
        refuse=settings.bad_rows == "refuse",
        drop_duplicates=drop_duplicates,
    )


def _rows(path: Path, settings: DataSet) -> Iterable[Raw]:
    name = path.name.lower().removesuffix(".gz")
    ending = next((ending for ending in FORMATS if name.endswith(ending)), None)
    if ending in (".csv", ".tsv"):
        quotes = ending == ".csv" if settings.quotes is None else settings.quotes
        rows = Delimited(
            delimiter="," if ending == ".csv" else "\t",
            quotes=quotes,
            names=settings.header,
            encoding=settings.encoding,
        ).read(path)
        return rows if quotes else _watched(rows, path)
    if ending == ".jsonl":
        return JsonLines(encoding=settings.encoding).read(path)
    if ending == ".json":
        return JsonDocument(encoding=settings.encoding).read(path)
    if ending == ".parquet":
        return Parquet().read(path)
    raise CorpusError(
        f"cannot tell the format of {path} by its name; known endings: {', '.join(FORMATS)}, "
        "text files also with .gz"
    )


def _watched(rows: Iterable[Raw], path: Path) -> Iterable[Raw]:
    """The same rows; warns if some look as if their quotation marks enclosed fields."""
    quoted = 0
    for raw in rows:
        quoted += any(
            isinstance(value, str) and value[:1] == value[-1:] == '"' and '""' in value[1:-1]
            for value in raw.values.values()
        )
        yield raw
    if quoted:
        logger.warning(
            "%d rows of %s look quoted, with doubled quotation marks inside; state quotes: true "
            "if they are",
            quoted,
            path,
        )


def _note(files: dict[str, str], settings: DataSet) -> str:
    parts = [f"{split} is {file}" for split, file in files.items()]
    if "test" not in files:
        parts.append(f"test is {settings.test_fraction:.0%} of the training rows held back")
    if "validation" not in files:
        parts.append(
            f"validation is {settings.validation_fraction:.0%} of the training rows held back"
        )
    return ", ".join(parts)
