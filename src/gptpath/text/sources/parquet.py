"""The `parquet` source: rows of parquet files, read by row groups in flat memory.

pyarrow reads them, not Polars: it streams the pages of a row group, however large that is.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from gptpath.config.ingest import Parquet
from gptpath.errors import CorpusError
from gptpath.text.documents import Document
from gptpath.text.sources.listing import (
    EMPTY,
    UNREADABLE,
    UNSUPPORTED,
    Piece,
    batched,
    list_files,
    place_of,
    reason_by_name,
    root_of,
)
from gptpath.text.sources.records import NOT_UTF8, Reader, stem
from gptpath.text.sources.source import UNIT_BYTES, Dropped, Unit

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

logger = logging.getLogger(__name__)

SUFFIX = ".parquet"

_ROWS = 256
"""Rows decoded at once."""
_BUFFER = 1 << 20
"""Bytes read at once of each column."""
_GROUPS = re.compile(r"(?P<path>.*)@(?P<start>\d+)-(?P<end>\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class ParquetSource:
    """Rows of the .parquet files in and below a folder, or of one file.

    A unit's part is a relative path, for some row groups followed by `@first-end`.
    """

    settings: Parquet
    raw: Path

    @property
    def name(self) -> str:
        """The entry's name in `ingest.sources`."""
        return self.settings.name

    @property
    def _place(self) -> Path:
        return place_of(self.raw, self.settings.path)

    def units(self) -> Sequence[Unit]:
        """Small files together, large ones by row groups; the files' footers alone are read.

        Raises CorpusError if there is no file, or one lacks a column that the settings name.
        """
        return batched(self._pieces())

    def _pieces(self) -> Iterator[Piece | Unit]:
        for relative in list_files(self._place, self.name):
            sizes = self._group_sizes(relative)
            if sum(sizes) > UNIT_BYTES:
                yield from _by_groups(relative, sizes)
            else:
                yield str(relative), sum(sizes)

    def _group_sizes(self, relative: PurePosixPath) -> list[int]:
        """Bytes of the columns wanted in each row group; none of a file that cannot be read."""
        if self._reason(relative):
            return []
        import pyarrow as pa

        try:
            with _open(root_of(self._place) / relative) as file:
                columns = self._columns(relative, file)
                return [_bytes_of(file, group, columns) for group in range(file.num_row_groups)]
        except (OSError, pa.ArrowException):
            return []

    def _columns(self, relative: PurePosixPath, file: "ParquetFile") -> list[str]:
        """The columns to read; CorpusError if one is missing or the text's is no text."""
        import pyarrow.types as types

        schema = file.schema_arrow
        wanted = self.settings.columns
        if missing := [column for column in wanted if column not in schema.names]:
            raise CorpusError(
                f"{relative} of the source {self.name!r} has no column {', '.join(missing)}; "
                f"it has {', '.join(schema.names)}"
            )
        text = schema.field(self.settings.text_column).type
        text = text.value_type if types.is_dictionary(text) else text
        if not (types.is_string(text) or types.is_large_string(text) or types.is_string_view(text)):
            raise CorpusError(
                f"{relative} of the source {self.name!r} has a column "
                f"{self.settings.text_column!r} of type {text}; expected strings"
            )
        return list(wanted)

    def read(self, unit: Unit) -> Iterator[Document | Dropped]:
        """Read the unit's rows; `file:row`, counted from 1, is their place."""
        import pyarrow as pa

        reader = Reader(columns=self.settings, source=self.name, kind=self.settings.kind)
        for part in unit.parts:
            stretch = _GROUPS.fullmatch(part)
            relative = PurePosixPath(stretch["path"] if stretch else part)
            if reason := self._reason(relative):
                yield Dropped(location=str(relative), reason=reason)
                continue
            row = 0
            try:
                with _open(root_of(self._place) / relative) as file:
                    columns = self._columns(relative, file)
                    first, end = map(int, stretch.group(2, 3)) if stretch else (0, None)
                    groups = range(file.num_row_groups)[first:end]
                    row = sum(file.metadata.row_group(n).num_rows for n in range(first))
                    for record in _rows(file, groups, columns):
                        row += 1
                        place = f"{relative}:{row}"
                        if record is None:
                            yield Dropped(location=place, reason=NOT_UTF8)
                        else:
                            yield reader.document(record, place=place, group=stem(relative.name))
            except (OSError, pa.ArrowException) as error:
                logger.warning("%s cannot be read from row %d on: %s", relative, row + 1, error)
                yield Dropped(location=f"{relative}:{row + 1}", reason=UNREADABLE)
            else:
                if row == 0:
                    yield Dropped(location=str(relative), reason=EMPTY)

    def _reason(self, relative: PurePosixPath) -> str | None:
        if self._place.is_file():
            return None
        known = relative.suffix.lower() == SUFFIX
        return reason_by_name(relative) or (None if known else UNSUPPORTED)


def _open(path: Path) -> "ParquetFile":
    from pyarrow.parquet import ParquetFile

    return ParquetFile(path, buffer_size=_BUFFER, pre_buffer=False, page_checksum_verification=True)


def _bytes_of(file: "ParquetFile", group: int, columns: Sequence[str]) -> int:
    """Bytes of some columns of a row group before compression."""
    row_group = file.metadata.row_group(group)
    chunks = (row_group.column(n) for n in range(row_group.num_columns))
    return sum(
        chunk.total_uncompressed_size
        for chunk in chunks
        if chunk.path_in_schema.partition(".")[0] in columns
    )


def _by_groups(relative: PurePosixPath, sizes: Sequence[int]) -> Iterator[Unit]:
    """Yield units of as few row groups as hold UNIT_BYTES."""
    first, size = 0, 0
    for group, bytes_ in enumerate(sizes):
        size += bytes_
        if size >= UNIT_BYTES or group == len(sizes) - 1:
            part = f"{relative}@{first:06d}-{group + 1:06d}"
            yield Unit(key=part, parts=(part,), size=size)
            first, size = group + 1, 0


def _rows(
    file: "ParquetFile", groups: Sequence[int], columns: Sequence[str]
) -> Iterator[dict[str, Any] | None]:
    """Yield rows as dictionaries; None for one with a string that is no UTF-8.

    A date that Python cannot hold, of the year 10000 or before Christ, counts as missing.
    """
    for group in groups:  # together, a damaged one would take rows of the one before with it
        for batch in file.iter_batches(_ROWS, [group], columns, use_threads=False):
            try:
                yield from batch.to_pylist()
            except (UnicodeDecodeError, ValueError, OverflowError):
                yield from (_row(batch.slice(number, 1)) for number in range(batch.num_rows))


def _row(row: "pa.RecordBatch") -> dict[str, Any] | None:
    values: dict[str, Any] = {}
    for name, column in zip(row.schema.names, row.columns, strict=True):
        try:
            [values[name]] = column.to_pylist()
        except UnicodeDecodeError:
            return None
        except (ValueError, OverflowError):
            values[name] = None
    return values
