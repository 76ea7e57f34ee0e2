"""WARC files read back: quickly for what became of which link, and page by page for their text."""

import logging
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptpath.text.web.compression import TooLarge, Undecodable, unpack
from gptpath.text.web.libraries import web_library

logger = logging.getLogger(__name__)

RECORD_DAMAGED = "warc_damaged"
RECORD_TRUNCATED = "warc_record_truncated"
PAGE_TOO_LARGE = "warc_page_too_large"
PAGE_UNDECODABLE = "warc_page_undecodable"

_PIECE = 1 << 18
_HEAD = 1 << 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A response."""

    url: str
    status: str
    content_type: str
    """The header Content-Type, in lower case; empty if there is none."""
    body: bytes | str
    """Unpacked; or the reason why it cannot be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Note:
    """What our archive says of a link, after the page if there is one."""

    link: str
    outcome: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Damage:
    """The rest of the file cannot be read."""

    detail: str


def members(path: Path, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield (end, first 64 KB) of the gzip members from `start` on, as far as they are whole."""
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(_PIECE)
        while data:
            stream = zlib.decompressobj(31)
            head = b""
            while not stream.eof:
                try:
                    piece = stream.decompress(data)
                except zlib.error:
                    return
                head += piece[: max(0, _HEAD - len(head))]
                if not stream.eof:
                    data = file.read(_PIECE)
                    if not data:
                        return
            data = stream.unused_data
            yield file.tell() - len(data), head
            data = data or file.read(_PIECE)


def fields_of(record: bytes) -> dict[str, str]:
    """The fields of a metadata record of ours; empty for any other record."""
    headers, _, block = record.partition(b"\r\n\r\n")
    if b"\r\nWARC-Type: metadata" not in headers:
        return {}
    return _note_fields(block)


def _note_fields(block: bytes) -> dict[str, str]:
    lines = (line.partition(": ") for line in block.decode("utf-8", "replace").splitlines())
    fields: dict[str, str] = {}
    for name, separator, value in lines:
        if separator:
            fields.setdefault(name, value)
    return fields if {"link", "outcome"} <= fields.keys() else {}


def read_warc(
    path: Path, most_bytes: int, *, finished: bool = False
) -> Iterator[Page | Note | Damage]:
    """Yield the responses of a .warc or .warc.gz file and the notes of our own, in file order.

    Bodies of more than `most_bytes`, unpacked, are not kept. A `finished` file is damaged if it
    ends within the block of a record; one of a crawl that goes on may.
    """
    iterator: Any = web_library("warcio.archiveiterator").ArchiveIterator
    failed = web_library("warcio.exceptions").ArchiveLoadFailed
    record: Any = None
    page: Page | None = None
    with path.open("rb") as file:
        try:
            records = iterator(file, arc2warc=True)
            for record in records:
                page = None
                url = record.rec_headers.get_header("WARC-Target-URI") or ""
                if record.rec_type == "response" and record.http_headers is not None:
                    page = _page(record, url, most_bytes)
                    yield page
                elif record.rec_type == "metadata":
                    fields = _note_fields(record.raw_stream.read(_HEAD))
                    if fields:
                        yield Note(link=fields["link"], outcome=fields["outcome"])
            told = page is not None and page.body == RECORD_TRUNCATED
            # warcio passes over a last record that ends within its header.
            unread = records.offset < path.stat().st_size
            if finished and not told and (record is None or unread or _is_cut_off(record)):
                yield Damage(detail="it ends within a record")
        # AttributeError: warcio takes for granted that a response has an address.
        except (failed, zlib.error, EOFError, OSError, ValueError, AttributeError) as error:
            logger.warning("%s is damaged, its rest is not read: %s", path.name, error)
            yield Damage(detail=str(error))


def _is_cut_off(record: Any) -> bool:
    """Whether the last record of a file, read to its end, lacks some of its header or block."""
    headers = record.rec_headers
    missing = getattr(record.raw_stream, "limit", 0) > 0
    return missing or headers is None or not headers.get_header("Content-Length")


def _page(record: Any, url: str, most_bytes: int) -> Page:
    headers = record.http_headers
    body = b""
    if headers.get_statuscode() == "200":
        body = _body(record, most_bytes)
    return Page(
        url=url,
        status=headers.get_statuscode(),
        content_type=(headers.get_header("Content-Type") or "").lower(),
        body=body,
    )


def _body(record: Any, most_bytes: int) -> bytes | str:
    headers = record.http_headers
    stream = record.raw_stream
    if (headers.get_header("Transfer-Encoding") or "").lower() == "chunked":
        stream = web_library("warcio.bufferedreaders").ChunkedDataReader(stream)
    pieces: list[bytes] = []
    size = 0
    while piece := stream.read(_PIECE):
        pieces.append(piece)
        size += len(piece)
        if size > most_bytes:
            return PAGE_TOO_LARGE
    if getattr(record.raw_stream, "limit", 0) > 0:
        return RECORD_TRUNCATED
    packed = b"".join(pieces)
    encoding = headers.get_header("Content-Encoding") or ""
    try:
        return unpack(packed, encoding, most_bytes)
    except TooLarge:
        return PAGE_TOO_LARGE
    except Undecodable:
        # Some archives unpack the body and leave the header as it was.
        return packed if packed[:64].lstrip().startswith(b"<") else PAGE_UNDECODABLE
