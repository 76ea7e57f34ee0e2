"""Token shards: flat binary files of token ids, memory-mapped and checksummed.

A shard is a 64-byte header, then little-endian unsigned ids: magic (8 bytes), format version
(uint32), bytes per id (uint32: 2 or 4), count (uint64), SHA-256 of the ids (32 bytes), zeros.
"""

import hashlib
import json
import os
import resource
import secrets
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from gptpath.errors import TokenError

MAGIC = b"GPTPTOKS"
VERSION = 1
HEADER_BYTES = 64
INDEX_FILE = "index.json"

_HEADER = struct.Struct("<8sIIQ32s8x")
_DTYPES = {2: np.dtype("<u2"), 4: np.dtype("<u4")}

Tokens = npt.NDArray[np.unsignedinteger[Any]]


def dtype_for(vocab_size: int) -> np.dtype[Any]:
    """The smaller of uint16 and uint32 that holds every id below `vocab_size`."""
    return _DTYPES[2 if vocab_size <= 65_536 else 4]


@dataclass(frozen=True, kw_only=True, slots=True)
class SplitSummary:
    """What was written of one split."""

    tokens: int
    """End-of-text tokens included."""
    documents: int
    bytes: int
    """UTF-8 bytes of the documents' texts; end of text counts none."""
    shards: list[dict[str, Any]]
    """`file`, `tokens` and `sha256` of each shard, in order."""
    document_files: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """`file`, `documents`, `tokens` and `sha256` of each file of the document index, in order."""


class SplitWriter:
    """Writes documents one after another into shards of at most `shard_tokens` tokens."""

    def __init__(self, folder: Path, prefix: str, *, vocab_size: int, shard_tokens: int) -> None:
        """Prepare shards `PREFIX-00000.tokens`, `PREFIX-00001.tokens`, ... in `folder`."""
        self._folder = folder
        self._prefix = prefix
        self._dtype = dtype_for(vocab_size)
        self._vocab_size = vocab_size
        self._shard_tokens = shard_tokens
        self._shards: list[dict[str, Any]] = []
        self._open: _OpenShard | None = None
        self._tokens = self._documents = self._bytes = 0
        folder.mkdir(parents=True, exist_ok=True)

    def append(self, ids: list[int] | Tokens, *, text_bytes: int, documents: int = 1) -> None:
        """Append documents, each with its end of text, that have `text_bytes` bytes of text."""
        tokens = np.asarray(ids) if len(ids) else np.zeros(0, dtype=self._dtype)
        if tokens.size and not 0 <= tokens.min() <= tokens.max() < self._vocab_size:
            raise TokenError(
                f"ids {tokens.min()}..{tokens.max()} lie outside [0, {self._vocab_size})"
            )
        payload = tokens.astype(self._dtype)
        while payload.size:
            if self._open is None:
                name = f"{self._prefix}-{len(self._shards):05d}.tokens"
                self._open = _OpenShard(self._folder / name, self._dtype)
            room = self._shard_tokens - self._open.count
            self._open.append(payload[:room])
            payload = payload[room:]
            if self._open.count == self._shard_tokens:
                self._finish_shard()
        self._tokens += tokens.size
        self._documents += documents
        self._bytes += text_bytes

    def finish(self) -> SplitSummary:
        """Close the last shard; the split is complete once `write_index` names it."""
        self._finish_shard()
        return SplitSummary(
            tokens=self._tokens,
            documents=self._documents,
            bytes=self._bytes,
            shards=self._shards,
        )

    def _finish_shard(self) -> None:
        if self._open is not None:
            self._shards.append(self._open.finish())
            self._open = None


class _OpenShard:
    """One shard under a temporary name until its header can be written."""

    def __init__(self, path: Path, dtype: np.dtype[Any]) -> None:
        self.count = 0
        self._path = path
        self._dtype = dtype
        self._digest = hashlib.sha256()
        # A killed run's orphan may still write its own: no two runs share a name.
        self._temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        self._file: BinaryIO = self._temporary.open("wb")
        self._file.write(bytes(HEADER_BYTES))

    def append(self, tokens: Tokens) -> None:
        data = tokens.data
        self._file.write(data)
        self._digest.update(data)
        self.count += tokens.size

    def finish(self) -> dict[str, Any]:
        width = self._dtype.itemsize
        self._file.seek(0)
        self._file.write(_HEADER.pack(MAGIC, VERSION, width, self.count, self._digest.digest()))
        self._file.close()
        os.replace(self._temporary, self._path)
        return {
            "file": self._path.name,
            "tokens": self.count,
            "sha256": self._digest.hexdigest(),
        }


def write_index(folder: Path, *, vocab_size: int, splits: dict[str, SplitSummary]) -> None:
    """Write index.json, which makes the shards of `splits` a token folder."""
    index = {
        "vocab_size": vocab_size,
        "dtype": dtype_for(vocab_size).name,
        "splits": {
            name: {
                "tokens": summary.tokens,
                "documents": summary.documents,
                "bytes": summary.bytes,
                "shards": summary.shards,
                "document_files": summary.document_files,
            }
            for name, summary in splits.items()
        },
    }
    temporary = folder / f".{INDEX_FILE}.tmp"
    temporary.write_text(json.dumps(index, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(temporary, folder / INDEX_FILE)


class TokenSplit:
    """All tokens of one split as one sequence over memory-mapped shards."""

    def __init__(
        self, shards: Iterable[Tokens], *, vocab_size: int, documents: int, text_bytes: int
    ) -> None:
        self._shards = list(shards)
        self._starts = np.cumsum([0, *(shard.size for shard in self._shards)])
        self.vocab_size = vocab_size
        self.documents = documents
        self.text_bytes = text_bytes
        """UTF-8 bytes of text that the tokens stand for."""

    def __len__(self) -> int:
        return int(self._starts[-1])

    def read(self, start: int, stop: int) -> Tokens:
        """Tokens of positions [start, stop), shape (stop - start,), whatever shards hold them.

        A view of the file where one shard holds them all, else a copy. TokenError if the range
        leaves the split.
        """
        if not 0 <= start <= stop <= len(self):
            raise TokenError(f"positions [{start}, {stop}) lie outside the {len(self)} tokens")
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        pieces: list[Tokens] = []
        for shard, begin in zip(self._shards[first:], self._starts[first:], strict=False):
            if begin >= stop:
                break
            pieces.append(shard[max(start - int(begin), 0) : stop - int(begin)])
        if not pieces:
            return np.zeros(0, dtype=dtype_for(self.vocab_size))
        return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def open_split(folder: Path, split: str, verify: bool = False) -> TokenSplit:
    """Open the shards of `split`; `verify` also hashes every token.

    Raises TokenError when the folder, the split or a shard is missing, when a shard's header, size
    or checksum (with `verify`) is wrong, or when it disagrees with index.json.
    """
    index = read_index(folder)
    if split not in index["splits"]:
        known = ", ".join(sorted(index["splits"]))
        raise TokenError(f"{folder} has no split {split!r}; known: {known}")
    entry = index["splits"][split]
    dtype = dtype_for(index["vocab_size"])
    _allow_open_files(len(entry["shards"]))
    shards = [map_shard(folder / s["file"], s, dtype, verify) for s in entry["shards"]]
    opened = TokenSplit(
        shards,
        vocab_size=index["vocab_size"],
        documents=entry["documents"],
        text_bytes=entry["bytes"],
    )
    if len(opened) != entry["tokens"]:
        raise TokenError(
            f"{folder / INDEX_FILE} says {entry['tokens']} tokens of {split!r}, "
            f"its shards hold {len(opened)}"
        )
    return opened


def _allow_open_files(count: int) -> None:
    """Raise the soft limit of open files: a mapped shard keeps its file open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * count + 512  # training opens two splits and more
    if soft != resource.RLIM_INFINITY and soft < needed:
        most = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def read_index(folder: Path) -> dict[str, Any]:
    """Content of index.json; TokenError if there is none or it is damaged."""
    path = folder / INDEX_FILE
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise TokenError(f"no {path}; run `gptpath encode` first") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise TokenError(f"{path} is not valid JSON: {error}") from None


def map_shard(path: Path, entry: dict[str, Any], dtype: np.dtype[Any], verify: bool) -> Tokens:
    """Ids of one shard; TokenError if it is not what its `entry` of the index says."""
    again = "delete data/tokens and run `gptpath encode` again"
    if not path.is_file():
        raise TokenError(f"no shard {path}; {again}")
    with path.open("rb") as file:
        header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES or header[:8] != MAGIC:
        raise TokenError(f"{path} is no token shard: it does not begin with {MAGIC!r}; {again}")
    _, version, width, count, digest = _HEADER.unpack(header)
    if version != VERSION:
        raise TokenError(f"{path} has format version {version}, expected {VERSION}; {again}")
    expected = HEADER_BYTES + count * dtype.itemsize
    if width != dtype.itemsize or count != entry["tokens"] or path.stat().st_size != expected:
        raise TokenError(
            f"{path} has {path.stat().st_size} bytes, expected {expected} for {entry['tokens']} "
            f"ids of {dtype.itemsize} bytes; it was cut off or belongs to another run; {again}"
        )
    if digest.hex() != entry["sha256"]:
        raise TokenError(f"{path} is not the shard that {INDEX_FILE} names; {again}")
    tokens: Tokens = np.memmap(path, dtype=dtype, mode="r", offset=HEADER_BYTES, shape=(count,))
    if verify and hashlib.sha256(tokens.data).digest() != digest:
        raise TokenError(f"{path} is corrupt: its ids do not match their checksum; {again}")
    return tokens
