"""What every source of text looks like to the pipeline.

A source says first which units it has, which costs little, and then reads any one of them, in any
process and in any order. Units are the steps in which work is spread and resumed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from gptpath.text.documents import Document

UNIT_BYTES = 16_000_000
"""About how much of a source one unit holds: small files go together, large ones are cut.

Small enough that a few books keep all cores busy and that little is lost with a killed process."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """A piece of a source that one worker reads at once."""

    key: str
    """Stable and unique in the source: `books/a.txt`, `dump.jsonl@0-268435456`."""
    parts: tuple[str, ...]
    """What the source needs to read it: relative paths, a byte range, a shard number as text."""
    size: int
    """Bytes, an estimate, for progress and batching."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dropped:
    """Something that yielded no document, and why; counted, and some are kept as samples."""

    location: str
    reason: str


class Source(Protocol):
    """A source of documents. Implementations are frozen dataclasses and can be pickled."""

    @property
    def name(self) -> str:
        """The entry's name in `ingest.sources`; `source` of all its documents."""
        ...

    def units(self) -> Sequence[Unit]:
        """All units in a deterministic order; CorpusError if the source is unusable."""
        ...

    def read(self, unit: Unit) -> Iterator[Document | Dropped]:
        """Stream the documents of a unit in a deterministic order, in flat memory."""
        ...
