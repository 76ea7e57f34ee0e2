"""The `files` source: texts and pages, plain or packed, one document each.

Nothing is lost in silence: each file that yields no document is counted under a reason.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from gptpath.config.ingest import Files
from gptpath.text.documents import Document
from gptpath.text.sources.decoding import BINARY, decode, decode_page, looks_binary
from gptpath.text.sources.gutenberg import LICENCE, without_boilerplate
from gptpath.text.sources.html import main_text
from gptpath.text.sources.listing import EMPTY, Piece, batched, list_files, place_of, root_of
from gptpath.text.sources.packed import SUFFIXES, is_html, texts_of
from gptpath.text.sources.source import Dropped, Unit
from gptpath.text.sources.streams import COMPRESSED

logger = logging.getLogger(__name__)

ENCODING_UNKNOWN = "file_encoding_unknown"
NO_MAIN_TEXT = "page_without_main_text"

_PACKED = (*COMPRESSED, ".zip")
_UNPACKED = 3
"""How much larger packed texts are unpacked, roughly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesSource:
    """Every text and page below a folder (or one file), in the order of relative paths.

    Of a page the main text is taken, of a Project Gutenberg book what stands between its markers.
    A text of more than `packed.BLOCK_BYTES` is read block by block, markers and all.
    """

    settings: Files
    raw: Path

    @property
    def name(self) -> str:
        """The entry's name in `ingest.sources`."""
        return self.settings.name

    @property
    def _place(self) -> Path:
        return place_of(self.raw, self.settings.path)

    def units(self) -> Sequence[Unit]:
        """Small files by UNIT_BYTES together, a larger one alone; the parts are relative paths.

        Raises CorpusError if the folder is missing or holds no file.
        """
        root = root_of(self._place)
        pieces: list[Piece | Unit] = []
        for relative in list_files(self._place, self.name):
            size = (root / relative).stat().st_size
            packed = relative.suffix.lower() in _PACKED
            pieces.append((str(relative), size * _UNPACKED if packed else size))
        return batched(pieces)

    def read(self, unit: Unit) -> Iterator[Document | Dropped]:
        """Read the unit's files; a long text comes in parts called `location#part`."""
        root = root_of(self._place)
        for part in unit.parts:
            previous, number = None, 0
            for location, whole, content in texts_of(root / part, PurePosixPath(part)):
                number = number if location == previous else 0
                previous = location
                result = (
                    content
                    if isinstance(content, str)
                    else self._document(location, content, whole=whole)
                )
                if isinstance(result, str):
                    logger.info("%s dropped: %s", location, result)
                    yield Dropped(location=str(location), reason=result)
                elif whole and len(result.text) <= self.settings.part_chars:
                    yield result
                else:
                    for text in cut_into_parts(result.text, self.settings.part_chars):
                        yield replace(result, text=text, location=f"{location}#{number:04d}")
                        number += 1

    def _document(self, location: PurePosixPath, content: bytes, *, whole: bool) -> Document | str:
        """The text of a file or of one of its blocks, or why there is none."""
        if not content.strip():
            return EMPTY
        if looks_binary(content):
            return BINARY
        page = is_html(location)
        decoded = decode_page(content) if page else decode(content)
        if decoded is None:
            return ENCODING_UNKNOWN
        metadata = {"encoding": decoded.encoding}
        licence = ""
        if page:
            main = main_text(decoded.text)
            if main is None:
                return NO_MAIN_TEXT
            text = main.text
            metadata |= {"title": main.title} if main.title else {}
        elif whole:
            text, cut = without_boilerplate(decoded.text)
            licence = LICENCE if cut else ""
        else:
            text = decoded.text.replace("\r\n", "\n")
        return Document(
            text=text,
            source=self.settings.name,
            kind=self.settings.kind,
            location=str(location),
            group=_stem(location),
            licence=licence,
            metadata=metadata,
        )


def _stem(location: PurePosixPath) -> str:
    name = location.name
    for suffix in (*COMPRESSED, *SUFFIXES):
        name = name[: -len(suffix)] if name.lower().endswith(suffix) else name
    return name


def cut_into_parts(text: str, max_chars: int) -> list[str]:
    """Cut at paragraph ends into parts of at most `max_chars`; no character but blanks is lost.

    A paragraph longer than that is cut at line ends, then sentence ends, then anywhere.
    """
    pieces = [text]
    for separator in ("\n\n", "\n", ". ", " "):
        pieces = [
            piece
            for whole in pieces
            for piece in (_split_after(whole, separator) if len(whole) > max_chars else [whole])
        ]
    parts: list[str] = []
    current = ""
    for piece in pieces:
        if current and len(current) + len(piece) > max_chars:
            parts.append(current)
            current = ""
        current += piece
        while len(current) > max_chars:
            parts.append(current[:max_chars])
            current = current[max_chars:]
    parts.append(current)
    stripped = (part.strip("\n") for part in parts)
    return [part for part in stripped if part.strip()]


def _split_after(text: str, separator: str) -> list[str]:
    pieces = text.split(separator)
    return [piece + separator for piece in pieces[:-1]] + [pieces[-1]]
