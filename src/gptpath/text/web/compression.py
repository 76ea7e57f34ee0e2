"""Bodies of HTTP answers, unpacked piece by piece and never beyond a limit."""

import zlib

ACCEPTED = "gzip, deflate"
"""What the crawler says that it can unpack (the header Accept-Encoding)."""

_ANY_HEADER = 47
_NO_HEADER = -15


class TooLarge(Exception):
    """A body is larger than the limit, as sent or unpacked."""


class Undecodable(Exception):
    """A body is damaged, or packed in a way that was not asked for."""


class Unpacker:
    """Unpacks one body (Content-Encoding gzip, deflate or none), at most `limit` bytes of it."""

    def __init__(self, content_encoding: str, limit: int) -> None:
        """Raises Undecodable for any other encoding."""
        encoding = content_encoding.strip().lower()
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Undecodable(f"Content-Encoding {encoding[:40]!r}; accepted: {ACCEPTED}")
        self._packed = encoding not in ("", "identity")
        self._left = limit
        self._stream = zlib.decompressobj(_ANY_HEADER)
        self._begun = False

    def feed(self, piece: bytes) -> bytes:
        """Unpack the next piece. Raises TooLarge as soon as the limit is passed, Undecodable."""
        if not self._packed:
            return self._counted(piece)
        try:
            return self._inflate(piece)
        except zlib.error as error:
            raise Undecodable(str(error)) from None

    def finish(self) -> None:
        """Say that the body is over; Undecodable if it is cut off."""
        if self._packed and self._begun and not self._stream.eof:
            raise Undecodable("the compressed body is cut off")

    def _inflate(self, piece: bytes) -> bytes:
        unpacked: list[bytes] = []
        while piece:
            if self._stream.eof:  # a gzip body may have several members; other rests are padding
                if not piece.startswith(b"\x1f\x8b"):
                    break
                self._stream = zlib.decompressobj(_ANY_HEADER)
            try:
                data = self._stream.decompress(piece, self._left + 1)
            except zlib.error:
                if self._begun:
                    raise
                # "deflate" is meant to have zlib's header; some servers leave it out.
                self._stream = zlib.decompressobj(_NO_HEADER)
                data = self._stream.decompress(piece, self._left + 1)
            self._begun = True
            unpacked.append(self._counted(data))
            piece = self._stream.unused_data
        return b"".join(unpacked)

    def _counted(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._left < 0:
            raise TooLarge
        return data


def unpack(body: bytes, content_encoding: str, limit: int) -> bytes:
    """Unpack a whole body. Raises TooLarge or Undecodable."""
    unpacker = Unpacker(content_encoding, limit)
    data = unpacker.feed(body)
    unpacker.finish()
    return data
