"""From one record of a table (a JSON object, a parquet row) to a document, or why there is none."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gptpath.config.ingest import Columns
from gptpath.text.documents import Document
from gptpath.text.sources.domains import registered_domain
from gptpath.text.sources.source import Dropped

TEXT_MISSING = "text_missing"
TEXT_EMPTY = "text_empty"
TEXT_NOT_A_STRING = "text_not_a_string"
NOT_UTF8 = "record_not_utf8"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reader:
    """Makes documents of the records of one source."""

    columns: Columns
    source: str
    kind: str

    def document(self, record: Mapping[str, Any], *, place: str, group: str) -> Document | Dropped:
        """The document of a record.

        `place` (`file:line`) is its location where no column says another, and that of a drop;
        `group` is its group where no column names a URL. Lone surrogates, which JSON can write
        and UTF-8 cannot, become U+FFFD.
        """
        text = record.get(self.columns.text_column)
        if text is None:
            return Dropped(location=place, reason=TEXT_MISSING)
        if not isinstance(text, str):
            return Dropped(location=place, reason=TEXT_NOT_A_STRING)
        if not text.strip():
            return Dropped(location=place, reason=TEXT_EMPTY)
        url = self._field(record, self.columns.url_column)
        location = self._field(record, self.columns.location_column) or url or place
        address = {"url": url} if url and url != location else {}  # rules ask for its domain
        return Document(
            text=_encodable(text),
            source=self.source,
            kind=self.kind,
            location=location,
            group=(registered_domain(url) if url else "") or group,
            licence=self._field(record, self.columns.licence_column),
            metadata=address
            | {
                column: value
                for column in self.columns.metadata_columns
                if (value := self._field(record, column))
            },
        )

    @staticmethod
    def _field(record: Mapping[str, Any], column: str | None) -> str:
        """A value as text; empty where the column is not named, absent, or null."""
        value = None if column is None else record.get(column)
        if value is None:
            return ""
        if isinstance(value, bool | dict | list):
            value = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
        return _encodable(str(value))


def _encodable(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def stem(name: str) -> str:
    """A file's name without the endings of its format and compression."""
    for ending in (".gz", ".zst", ".jsonl", ".ndjson", ".json", ".parquet"):
        name = name[: -len(ending)] if name.lower().endswith(ending) else name
    return name
