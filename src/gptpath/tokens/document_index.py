"""Which documents lie where in a token split: one index file for each encoded corpus shard.

An index file is a 64-byte header, then one record for each document in order: the position of its
first token, counted from the first token of the corpus shard (uint64), and its id (uint64), all
little-endian. Header: magic (8 bytes), format version (uint32), bytes per record (uint32: 16),
number of documents (uint64), SHA-256 of the records (32 bytes), zeros.
"""

import hashlib
import os
import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gptpath.errors import TokenError
from gptpath.tokens.shards import read_index

MAGIC = b"GPTPDOCS"
VERSION = 1
HEADER_BYTES = 64

_HEADER = struct.Struct("<8sIIQ32s8x")
_RECORD = np.dtype([("start", "<u8"), ("id", "<u8")])

Records = npt.NDArray[np.void]


@dataclass(frozen=True, kw_only=True, slots=True)
class Span:
    """The part of a document that lies within a range of tokens."""

    id: str
    """16 hex digits, the document's id in the corpus."""
    shard: str
    """Corpus shard that holds it: `00003` of 00003.parquet."""
    row: int
    """Its row there."""
    start: int
    """First of its tokens within the range, counted from the document's own first token."""
    stop: int
    """Token after the last one within the range; end of text is a document's last token."""
    tokens: int
    """All tokens of the document, end of text included."""


def write_documents_file(
    path: Path, *, lengths: npt.NDArray[np.int64], ids: Sequence[str]
) -> dict[str, Any]:
    """Write the index file of one corpus shard; returns its entry for index.json.

    `lengths` are the tokens of each document, end of text included.
    """
    records = np.zeros(len(ids), dtype=_RECORD)
    records["start"][1:] = np.cumsum(lengths[:-1])
    records["id"] = np.array([int(name, 16) for name in ids], dtype=np.uint64)
    content = records.tobytes()
    digest = hashlib.sha256(content)
    header = _HEADER.pack(MAGIC, VERSION, _RECORD.itemsize, len(ids), digest.digest())
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    temporary.write_bytes(header + content)
    os.replace(temporary, path)
    return {
        "file": path.name,
        "documents": len(ids),
        "tokens": int(lengths.sum()),
        "sha256": digest.hexdigest(),
    }


def read_documents_file(path: Path, entry: dict[str, Any], verify: bool = False) -> Records:
    """Records of one index file; TokenError if it is not what its `entry` of the index says."""
    again = "delete data/tokens and run `gptpath encode` again"
    try:
        with path.open("rb") as file:
            header = file.read(HEADER_BYTES)
        size = path.stat().st_size
    except FileNotFoundError:
        raise TokenError(f"no document index {path}; {again}") from None
    expected = _HEADER.pack(
        MAGIC, VERSION, _RECORD.itemsize, entry["documents"], bytes.fromhex(entry["sha256"])
    )
    if header != expected or size != HEADER_BYTES + entry["documents"] * _RECORD.itemsize:
        raise TokenError(f"{path} is not the file that index.json names; {again}")
    if not entry["documents"]:
        return np.zeros(0, dtype=_RECORD)
    records: Records = np.memmap(path, dtype=_RECORD, mode="r", offset=HEADER_BYTES)
    if verify and hashlib.sha256(records.tobytes()).hexdigest() != entry["sha256"]:
        raise TokenError(f"{path} is corrupt: it does not match its checksum; {again}")
    return records


class DocumentIndex:
    """Documents of one split by the positions of their tokens."""

    def __init__(self, folder: Path, split: str) -> None:
        """Open the index of `split`; TokenError if data/tokens was written without one."""
        entry = read_index(folder)["splits"].get(split, {})
        self._folder = folder
        self._entries: list[dict[str, Any]] = entry.get("document_files", [])
        self._starts = np.cumsum([0, *(entry["tokens"] for entry in self._entries)])
        if not self._entries or self._starts[-1] != entry["tokens"]:
            raise TokenError(
                f"{folder} has no index of the documents of {split!r}; run `gptpath encode` again"
            )

    def spans(self, start: int, stop: int) -> list[Span]:
        """Documents that own the tokens [start, stop), in order, each with the part of it."""
        found: list[Span] = []
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        for entry, begin in zip(self._entries[first:], self._starts[first:], strict=False):
            if begin >= stop:
                break
            found += _spans(self._folder / entry["file"], entry, start - begin, stop - begin)
        return found


def _spans(path: Path, entry: dict[str, Any], start: int, stop: int) -> list[Span]:
    """Spans within one file; `start` and `stop` count from its first token and may leave it."""
    records = read_documents_file(path, entry)
    borders = np.append(records["start"], np.uint64(entry["tokens"])).astype(np.int64)
    first = max(int(np.searchsorted(borders, start, side="right")) - 1, 0)
    last = int(np.searchsorted(borders[:-1], stop, side="left"))
    return [
        Span(
            id=f"{int(records['id'][row]):016x}",
            shard=path.stem.rpartition("-")[2],
            row=row,
            start=max(start - int(borders[row]), 0),
            stop=int(min(stop, borders[row + 1]) - borders[row]),
            tokens=int(borders[row + 1] - borders[row]),
        )
        for row in range(first, last)
    ]
