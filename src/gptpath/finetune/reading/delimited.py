"""CSV and TSV, with and without quotes, with and without a header."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gptpath.errors import CorpusError
from gptpath.finetune.reading.opening import is_encoded, opened
from gptpath.finetune.reading.raw import Raw, RowError

LONGEST_FIELD = 2**24
"""Characters of a quoted field. Python's own limit, 2**17, is less than some documents have."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Delimited:
    """How fields and rows are told apart."""

    delimiter: str
    quotes: bool
    """Whether double quotes enclose fields, so that tabs, commas and line ends may lie within.
    False: they are text as any other (GLUE's files, MRPC, CoLA)."""
    names: tuple[str, ...] | None = None
    """Names of the columns of a file without a header row."""
    encoding: str = "utf-8"
    optional_columns: int = 0
    """How many of the last columns a row may lack, beyond `names` it may have none."""

    def read(self, path: Path) -> Iterator[Raw]:
        """Yield the rows; empty lines are none.

        Raises:
            CorpusError: the file cannot be read, its header names a column twice, or a quote is
                opened and never closed.
        """
        with opened(path, self.encoding) as stream:
            rows = self._quoted(stream, path) if self.quotes else self._plain(stream)
            names = self.names or self._header(rows, path)
            for number, fields, text in rows:
                yield self._raw(path.name, number, fields, text, names)

    def header(self, path: Path) -> tuple[str, ...]:
        """The column names of a file."""
        with opened(path, self.encoding) as stream:
            rows = self._quoted(stream, path) if self.quotes else self._plain(stream)
            return self.names or self._header(rows, path)

    def _plain(self, stream: io.TextIOWrapper) -> "Iterator[_Fields]":
        for number, line in enumerate(stream, start=1):
            text = line.removesuffix("\n").removesuffix("\r")
            if text:
                yield number, text.split(self.delimiter), text

    def _quoted(self, stream: io.TextIOWrapper, path: Path) -> "Iterator[_Fields]":
        csv.field_size_limit(LONGEST_FIELD)
        lines = _Lines(stream)
        reader = csv.reader(lines, delimiter=self.delimiter, strict=True)
        while True:
            begin = lines.start_row()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if lines.ended or "field limit" in str(error):
                    raise CorpusError(
                        f"{path}: the row that begins in line {begin} has a double quote that is "
                        f"never closed ({error}); close it, double quotes inside fields, or state "
                        f"quotes: false; row: {lines.text[:300]!r}"
                    ) from None
                yield begin, None, lines.text
                continue
            if fields:
                yield begin, fields, lines.text

    def _header(self, rows: "Iterator[_Fields]", path: Path) -> tuple[str, ...]:
        _, fields, text = next(rows, (0, None, ""))
        if fields is None:
            raise CorpusError(f"{path} has no header row that can be read: {text[:300]!r}")
        names = tuple(name.strip() for name in fields)
        if "\r" in text.removesuffix("\n").removesuffix("\r"):
            raise CorpusError(f"the lines of {path} end in carriage returns alone; save it again")
        if len(set(names)) < len(names):
            raise CorpusError(f"{path} names a column twice in its header: {list(names)}")
        return names

    def _raw(
        self,
        file: str,
        number: int,
        fields: Sequence[str] | None,
        text: str,
        names: tuple[str, ...],
    ) -> Raw:
        text = text.removesuffix("\n").removesuffix("\r")
        if fields is None:
            lines = text.count("\n") + 1
            problem = RowError(
                "malformed_quotes",
                "a double quote inside a field is not doubled; double it, or state quotes: false "
                "if quotation marks are plain text"
                + (f"; {lines} lines are lost with it, rows perhaps" if lines > 1 else ""),
            )
        elif not is_encoded(text):
            problem = RowError(
                "wrong_encoding",
                f"bytes that are not {self.encoding}; state the file's encoding, e.g. cp1252",
            )
        elif not len(names) - self.optional_columns <= len(fields) <= len(names):
            hint = "" if self.quotes or '"' not in text else "; quotes: true if they enclose fields"
            problem = RowError(
                "wrong_number_of_columns", f"{len(fields)} fields, expected {len(names)}{hint}"
            )
        else:
            return Raw(
                file=file, number=number, values=dict(zip(names, fields, strict=False)), text=text
            )
        return Raw(file=file, number=number, problem=problem, text=text)


_Fields = tuple[int, list[str] | None, str]
"""Line in which a row begins, its fields (None: malformed quotes), the row as it stands."""


class _Lines:
    """Lines of a stream as csv.reader takes them; keeps those of the row being read."""

    def __init__(self, stream: io.TextIOWrapper) -> None:
        self._stream = stream
        self._number = 0
        self._row: list[str] = []
        self.ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._stream.readline()
        if not line:
            self.ended = True
            raise StopIteration
        self._number += 1
        self._row.append(line)
        return line

    def start_row(self) -> int:
        """Forget the last row; the number of the line in which the next one begins."""
        self._row = []
        return self._number + 1

    @property
    def text(self) -> str:
        return "".join(self._row)
