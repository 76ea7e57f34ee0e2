"""Bytes of a file as they were before compression, in flat memory, with truncation noticed."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, BinaryIO, cast

import zstandard

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

DAMAGE = (OSError, EOFError, zlib.error, zstandard.ZstdError)
"""What reading a damaged, truncated or unreadable file raises; gzip's own error is an OSError."""

COMPRESSED = (".gz", ".zst")
"""Endings of compressed files, with the one text inside them."""

_PIECE = 16_384
_WINDOW = 2**31
"""Largest zstd window accepted, bytes: the `--long=31` of published dumps."""


def decompressed(stream: BinaryIO, name: PurePath) -> BinaryIO:
    """The bytes inside `stream` by the ending of `name`: .gz, .zst, or plain.

    Reading raises one of DAMAGE where the compressed data is cut off or damaged.
    """
    ending = name.suffix.lower()
    if ending == ".gz":
        return cast("BinaryIO", gzip.GzipFile(fileobj=stream))
    if ending == ".zst":
        return io.BufferedReader(_ZstdFrames(stream), buffer_size=1 << 17)
    return stream


def lines(stream: BinaryIO, most_bytes: int) -> Iterator[bytes | None]:
    r"""Yield the lines of a stream with their "\n"; None for one of more than `most_bytes`."""
    while line := stream.readline(most_bytes + 1):
        if len(line) <= most_bytes or line.endswith(b"\n"):
            yield line
            continue
        while (rest := stream.readline(1 << 20)) and not rest.endswith(b"\n"):
            pass
        yield None


class _ZstdFrames(io.RawIOBase):
    """Decompressed bytes of all zstd frames of a stream.

    zstandard's own stream reader takes a frame that is cut off for a complete one.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
        self._frame = self._decompressor.decompressobj()
        self._inside = False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer).cast("B")
        while not self._ready:
            if not self._decompress_some():
                return 0
        count = min(len(target), len(self._ready))
        target[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _decompress_some(self) -> bool:
        piece = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = self._decompressor.decompressobj()
            self._inside = False
        piece = piece or self._stream.read(_PIECE)
        if not piece:
            if self._inside:
                raise EOFError("the zstd frame ends before its end mark")
            return False
        self._inside = True
        self._ready = memoryview(self._frame.decompress(piece))
        return True
