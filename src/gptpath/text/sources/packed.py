"""The texts in a file: itself, what it has packed, or the members of a zip archive."""

import codecs
import logging
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO, cast

from gptpath.text.sources.listing import TRUNCATED, UNREADABLE, UNSUPPORTED, reason_by_name
from gptpath.text.sources.streams import COMPRESSED, DAMAGE, decompressed

logger = logging.getLogger(__name__)

TEXT_SUFFIXES = (".txt", ".md")
HTML_SUFFIXES = (".html", ".htm")
SUFFIXES = (*TEXT_SUFFIXES, *HTML_SUFFIXES)

BLOCK_BYTES = 16 << 20
"""A longer text is read in blocks of at most this size, so that it need not fit into memory."""

_WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)

_ZIP_DAMAGE = (*DAMAGE, zipfile.BadZipFile, RuntimeError, NotImplementedError)
"""RuntimeError is an encrypted member, NotImplementedError an unknown compression."""

TOO_LARGE = "file_too_large"
"""A page, or a text in UTF-16 or UTF-32, of more than BLOCK_BYTES: neither can be cut."""

Found = tuple[PurePosixPath, bool, bytes | str]
"""Location, whether this is the whole text, and its bytes or the reason why it cannot be read."""


def texts_of(path: Path, relative: PurePosixPath) -> Iterator[Found]:
    """Yield the texts of a file in the order of their locations, long ones block by block."""
    if reason := reason_by_name(relative) or _type_reason(relative, archives=True):
        yield relative, True, reason
    elif relative.suffix.lower() == ".zip":
        yield from _members(path, relative)
    else:
        try:
            with path.open("rb") as stream:
                yield from _blocks(stream, relative)
        except OSError as error:
            yield relative, True, _damaged(relative, error)


def _members(path: Path, relative: PurePosixPath) -> Iterator[Found]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = (member for member in archive.infolist() if not member.is_dir())
            for member in sorted(members, key=lambda member: member.filename):
                location = relative / member.filename.lstrip("/")
                name = PurePosixPath(member.filename)
                if reason := reason_by_name(name) or _type_reason(name, archives=False):
                    yield location, True, reason
                    continue
                try:
                    with archive.open(member) as stream:
                        yield from _blocks(cast("BinaryIO", stream), location)
                except _ZIP_DAMAGE as error:
                    yield location, True, _damaged(location, error)
    except _ZIP_DAMAGE as error:
        yield relative, True, _damaged(relative, error)


def _type_reason(name: PurePosixPath, *, archives: bool) -> str | None:
    suffix = name.suffix.lower()
    if archives and suffix == ".zip":
        return None
    if suffix not in COMPRESSED:
        return None if suffix in SUFFIXES else UNSUPPORTED
    # x.txt.gz, x.gz and "vol. 1.gz" hold text; x.tar.gz and x.json.gz do not.
    inner = name.with_suffix("").suffix.lower()
    known = inner in SUFFIXES or not re.fullmatch(r"\.[a-z][a-z0-9]{0,4}", inner)
    return None if known else UNSUPPORTED


def _blocks(stream: BinaryIO, location: PurePosixPath) -> Iterator[Found]:
    """Yield a text's bytes, in blocks that end at paragraphs if it is longer than BLOCK_BYTES."""
    whole = True
    block = b""
    try:
        unpacked = decompressed(stream, location)
        while len(block := block + unpacked.read(BLOCK_BYTES + 1 - len(block))) > BLOCK_BYTES:
            if whole and (block.startswith(_WIDE) or is_html(location)):
                yield location, True, TOO_LARGE
                return
            whole = False
            end = _last_border(block)
            yield location, whole, block[:end]
            block = block[end:]
        yield location, whole, block
    except _ZIP_DAMAGE as error:
        yield location, whole, _damaged(location, error)


def is_html(location: PurePosixPath) -> bool:
    """Whether the text of a location, unpacked, is a page."""
    packed = location.suffix.lower() in COMPRESSED
    return (location.with_suffix("") if packed else location).suffix.lower() in HTML_SUFFIXES


def _last_border(block: bytes) -> int:
    """Where to cut a block: in its last half after an empty line, a line, a word, a character."""
    for border in (b"\n\n", b"\n\r\n", b"\n", b" "):
        if (end := block.rfind(border, BLOCK_BYTES // 2, BLOCK_BYTES)) > 0:
            return end + len(border)
    end = BLOCK_BYTES
    while end > BLOCK_BYTES - 3 and block[end] & 0xC0 == 0x80:  # within a character of UTF-8
        end -= 1
    return end


def _damaged(location: PurePosixPath, error: Exception) -> str:
    logger.warning("%s cannot be read: %s", location, error)
    return TRUNCATED if isinstance(error, EOFError) else UNREADABLE
