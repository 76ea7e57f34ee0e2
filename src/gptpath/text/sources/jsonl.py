"""The `jsonl` source: JSON objects, one a line, plain or packed by gzip or zstd.

Plain files are cut into units at line borders; packed ones can only be read from their beginning,
so each is (a part of) one unit. Whatever a line may hold, it yields a document or a counted drop.
"""

import codecs
import json
import logging
import re
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from gptpath.config.ingest import Jsonl
from gptpath.errors import CorpusError
from gptpath.text.documents import Document
from gptpath.text.sources.listing import (
    EMPTY,
    TRUNCATED,
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
from gptpath.text.sources.streams import COMPRESSED, DAMAGE, decompressed, lines

logger = logging.getLogger(__name__)

SUFFIXES = (".jsonl", ".ndjson")

MALFORMED = "record_malformed"
NOT_AN_OBJECT = "record_not_an_object"
TOO_LARGE = "record_too_large"

MOST_RECORD_BYTES = 64 << 20
"""A longer line is dropped unread, so that a file without line ends cannot fill the memory."""

_UNPACKED = 4
"""How much larger packed lines are unpacked, roughly."""
_FIRST_LINES = 100
"""Lines of the first file in which the text's key must occur at least once."""
_STRETCH = re.compile(r"(?P<path>.*)@(?P<start>\d+)-(?P<end>\d+)#(?P<line>\d+)")


@dataclass(frozen=True, kw_only=True, slots=True)
class JsonlSource:
    """Lines of .jsonl and .ndjson files, also .gz and .zst, in and below a folder.

    A single file that `path` names may have any ending. A unit's part is a relative path, for a
    stretch of a file followed by `@first byte-end byte#number of the first line`.
    """

    settings: Jsonl
    raw: Path

    @property
    def name(self) -> str:
        """The entry's name in `ingest.sources`."""
        return self.settings.name

    @property
    def _place(self) -> Path:
        return place_of(self.raw, self.settings.path)

    def units(self) -> Sequence[Unit]:
        """Small files together, plain ones above UNIT_BYTES cut, which takes counting their lines.

        Raises CorpusError if there is no file, or none of the first lines has the text's key.
        """
        units = batched(self._pieces())
        self._check_key(units)
        return units

    def _pieces(self) -> Iterator[Piece | Unit]:
        for relative in list_files(self._place, self.name):
            size = (root_of(self._place) / relative).stat().st_size
            packed = relative.suffix.lower() in COMPRESSED
            if self._reason(relative) is None and not packed and size > UNIT_BYTES:
                yield from self._stretches(relative)
            else:
                yield str(relative), size * _UNPACKED if packed else size

    def _stretches(self, relative: PurePosixPath) -> Iterator[Unit]:
        """Cut a plain file into stretches of at least UNIT_BYTES that end where a line ends."""
        start = 0
        line = 1
        with (root_of(self._place) / relative).open("rb") as stream:
            while block := stream.read(UNIT_BYTES):
                more = _finish_line(stream) if not block.endswith(b"\n") else False
                key = f"{relative}@{start:015d}-{stream.tell():015d}"
                yield Unit(key=key, parts=(f"{key}#{line}",), size=stream.tell() - start)
                start = stream.tell()
                line += block.count(b"\n") + more

    def _check_key(self, units: Sequence[Unit]) -> None:
        """Refuse a text column that the first records do not have, before anything is read."""
        column = self.settings.text_column
        keys: set[str] = set()
        with closing(self._records(units[0])) as records:
            for _, record in islice(records, _FIRST_LINES):
                keys |= record.keys() if isinstance(record, dict) else set()
        if keys and column not in keys:
            raise CorpusError(
                f"source {self.name!r} has text_column={column!r}, which none of the first records "
                f"of {units[0].key} has; they have {', '.join(sorted(keys))}"
            )

    def read(self, unit: Unit) -> Iterator[Document | Dropped]:
        """Read the unit's lines; blank ones are no records, all others yield something."""
        reader = Reader(columns=self.settings, source=self.name, kind=self.settings.kind)
        for place, record in self._records(unit):
            if isinstance(record, str):
                yield Dropped(location=place, reason=record)
            else:
                group = stem(PurePosixPath(place.rpartition(":")[0]).name)
                yield reader.document(record, place=place, group=group)

    def _records(self, unit: Unit) -> Generator[tuple[str, dict[str, Any] | str]]:
        """Yield (file:line, record or drop reason); (file, reason) for a file without records."""
        for part in unit.parts:
            stretch = _STRETCH.fullmatch(part)
            relative = PurePosixPath(stretch["path"] if stretch else part)
            if reason := self._reason(relative):
                yield str(relative), reason
                continue
            start, end, line = map(int, stretch.group(2, 3, 4)) if stretch else (0, None, 1)
            found = False
            try:
                with (root_of(self._place) / relative).open("rb") as stream:
                    stream.seek(start)
                    for content in lines(decompressed(stream, relative), MOST_RECORD_BYTES):
                        if content and line == 1:
                            content = content.removeprefix(codecs.BOM_UTF8)
                        if content is None or content.strip():
                            found = True
                            yield f"{relative}:{line}", _record(content)
                        line += 1
                        if end is not None and stream.tell() >= end:
                            break
            except DAMAGE as error:
                logger.warning("%s cannot be read from line %d on: %s", relative, line, error)
                yield f"{relative}:{line}", TRUNCATED if isinstance(error, EOFError) else UNREADABLE
            else:
                if not found and not stretch:
                    yield str(relative), EMPTY

    def _reason(self, relative: PurePosixPath) -> str | None:
        if self._place.is_file():
            return None
        bare = relative.with_suffix("") if relative.suffix.lower() in COMPRESSED else relative
        known = bare.suffix.lower() in SUFFIXES
        return reason_by_name(relative) or (None if known else UNSUPPORTED)


def _finish_line(stream: BinaryIO) -> bool:
    """Go on to the end of the line; whether there is a line end."""
    while piece := stream.readline(1 << 20):
        if piece.endswith(b"\n"):
            return True
    return False


def _record(content: bytes | None) -> dict[str, Any] | str:
    """The object that a line holds, or why there is none."""
    if content is None:
        return TOO_LARGE
    try:
        record = json.loads(content.decode())
    except UnicodeDecodeError:
        return NOT_UTF8
    except (ValueError, RecursionError):
        return MALFORMED
    return record if isinstance(record, dict) else NOT_AN_OBJECT
