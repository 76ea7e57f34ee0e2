"""JSON lines, JSON documents and Parquet as rows."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptpath.errors import CorpusError
from gptpath.finetune.reading.opening import is_encoded, opened
from gptpath.finetune.reading.raw import Raw, RowError


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonLines:
    """One JSON object a line."""

    encoding: str = "utf-8"

    def read(self, path: Path) -> Iterator[Raw]:
        """Yield the rows; blank lines are none. CorpusError where the file cannot be read."""
        with opened(path, self.encoding) as stream:
            for number, line in enumerate(stream, start=1):
                text = line.strip()
                if text:
                    yield self._raw(path.name, number, text)

    def _raw(self, file: str, number: int, text: str) -> Raw:
        if not is_encoded(text):
            message = f"bytes that are not {self.encoding}; state the file's encoding"
            problem = RowError("wrong_encoding", message)
            return Raw(file=file, number=number, problem=problem, text=text)
        try:
            values = json.loads(text)
        except (ValueError, RecursionError) as error:
            problem = RowError("not_json", f"the line is no JSON: {error}")
            return Raw(file=file, number=number, problem=problem, text=text)
        return _object(values, file=file, number=number, unit="line")


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonDocument:
    """One JSON document: a list of objects, or an object of objects."""

    encoding: str = "utf-8"

    def read(self, path: Path) -> Iterator[Raw]:
        """Yield the rows in their order.

        Raises:
            CorpusError: the file is no such document.
        """
        rows = _document(path, self.encoding)
        if isinstance(rows, dict):
            rows = list(rows.values())
        if not isinstance(rows, list):
            raise CorpusError(f"{path} holds neither a list of rows nor an object of rows")
        for number, row in enumerate(rows, start=1):
            yield _object(row, file=path.name, number=number, unit="row")


@dataclass(frozen=True, kw_only=True, slots=True)
class Passages:
    """RACE's official files: one passage each, with lists of questions, options and answers."""

    def read(self, path: Path) -> Iterator[Raw]:
        """Yield a row for each question, named by folder and file: `middle/1.txt`."""
        file = f"{path.parent.name}/{path.name}"
        passage = _document(path, "utf-8")
        try:
            columns = [passage[key] for key in ("questions", "options", "answers")]
            together = list(zip(*columns, strict=True))
            article = passage["article"]
        except (TypeError, KeyError, ValueError):
            problem = RowError("missing_column", "no article, or lists of unlike length")
            yield Raw(file=file, number=1, unit="question", problem=problem, text=repr(passage))
            return
        for number, (question, options, answer) in enumerate(together, start=1):
            values = {
                "article": article,
                "question": question,
                "options": options,
                "answer": answer,
            }
            yield Raw(file=file, number=number, unit="question", values=values)


@dataclass(frozen=True, kw_only=True, slots=True)
class Parquet:
    """A Parquet file, read by Polars."""

    def read(self, path: Path) -> Iterator[Raw]:
        """Yield the rows.

        Raises:
            CorpusError: the file is missing or damaged, or Polars is not installed.
        """
        try:
            import polars as pl
        except ImportError:
            raise CorpusError(
                f"{path} needs polars, which is not installed here; install it or save the file "
                "as .jsonl"
            ) from None
        try:
            frame = pl.read_parquet(path)
        except FileNotFoundError:
            raise CorpusError(f"there is no file {path}") from None
        except (pl.exceptions.PolarsError, OSError) as error:
            raise CorpusError(f"{path} is no readable Parquet file ({error})") from None
        for number, values in enumerate(frame.iter_rows(named=True), start=1):
            yield Raw(file=path.name, number=number, unit="row", values=values)


def _document(path: Path, encoding: str) -> Any:
    with opened(path, encoding) as stream:
        text = stream.read()
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorpusError(f"{path} is no JSON document: {error}") from None


def _object(values: Any, *, file: str, number: int, unit: str) -> Raw:
    if not isinstance(values, Mapping):
        problem = RowError("not_json", "a row must be a JSON object")
        return Raw(file=file, number=number, unit=unit, problem=problem, text=repr(values))
    return Raw(file=file, number=number, unit=unit, values=values)
