"""The `files` source: a text file, or a folder of .txt, .md, .gz and .zip files.

Nothing is lost in silence: each file that yields no document is counted under a reason.
"""

import gzip
import logging
import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from gptpath.config.ingest import Files
from gptpath.errors import CorpusError
from gptpath.text.documents import Document
from gptpath.text.sources.decoding import BINARY, decode, looks_binary
from gptpath.text.sources.gutenberg import LICENCE, without_boilerplate
from gptpath.text.sources.source import UNIT_BYTES, Dropped, Unit

logger = logging.getLogger(__name__)

TEXT_SUFFIXES = frozenset({".txt", ".md"})

ABOUT_THE_DATA = "file_about_the_data"
HIDDEN = "file_hidden"
UNSUPPORTED = "file_of_another_type"
UNREADABLE = "file_unreadable"
ENCODING_UNKNOWN = "file_encoding_unknown"
EMPTY = "file_empty"

_ABOUT = frozenset({"readme", "license", "licence", "copying", "notice", "manifest", "changelog"})


_UNPACKED = {".gz": 3, ".zip": 3}
"""How much larger packed texts are unpacked, roughly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilesSource:
    """Every usable text below a folder (or one file), in the order of relative paths.

    A file is about the data, and no document, if the first or last word of its name before the
    first dot is one of readme, license, licence, copying, notice, manifest, changelog. A text is
    read whole: the largest file bounds the memory.
    """

    settings: Files
    raw: Path

    @property
    def name(self) -> str:
        """The entry's name in `ingest.sources`."""
        return self.settings.name

    @property
    def _folder(self) -> Path:
        return self.raw / self.settings.path

    def units(self) -> Sequence[Unit]:
        """Small files by UNIT_BYTES together, a larger one alone; the parts are relative paths.

        Raises CorpusError if the folder is missing or holds no file.
        """
        units: list[Unit] = []
        batch: list[str] = []
        size = 0
        for path, bytes_ in self._list():
            if batch and size + bytes_ > UNIT_BYTES:
                units.append(Unit(key=batch[0], parts=tuple(batch), size=size))
                batch, size = [], 0
            batch.append(path)
            size += bytes_
        if not batch:
            raise CorpusError(
                f"{self._folder} of the source {self.name!r} has no files; put .txt, .md, .gz or "
                ".zip files with text there, or name another folder by ingest.raw"
            )
        return [*units, Unit(key=batch[0], parts=tuple(batch), size=size)]

    def _list(self) -> Iterator[tuple[str, int]]:
        """Yield (relative path, bytes when unpacked) of all files."""
        folder = self._folder
        if folder.is_file():
            files, root = [folder], folder.parent
        elif folder.is_dir():
            files, root = sorted(path for path in folder.rglob("*") if path.is_file()), folder
        else:
            raise CorpusError(
                f"{folder} of the source {self.name!r} does not exist; name a text file or a "
                "folder of them by ingest.raw and the source's path"
            )
        for path in files:
            size = path.stat().st_size * _UNPACKED.get(path.suffix.lower(), 1)
            yield path.relative_to(root).as_posix(), size

    def read(self, unit: Unit) -> Iterator[Document | Dropped]:
        """Read the unit's files; a long text comes in parts called `location#part`."""
        root = self._folder.parent if self._folder.is_file() else self._folder
        for part in unit.parts:
            for location, content in _contents(root / part, PurePosixPath(part)):
                result = content if isinstance(content, str) else self._document(location, content)
                if isinstance(result, str):
                    logger.info("%s dropped: %s", location, result)
                    yield Dropped(location=location.as_posix(), reason=result)
                else:
                    yield from self._parts(result)

    def _document(self, location: PurePosixPath, content: bytes) -> Document | str:
        """The text of a file, or why there is none."""
        if not content.strip():
            return EMPTY
        if looks_binary(content):
            return BINARY
        decoded = decode(content)
        if decoded is None:
            return ENCODING_UNKNOWN
        text, cut = without_boilerplate(decoded.text)
        return Document(
            text=text,
            source=self.settings.name,
            kind=self.settings.kind,
            location=location.as_posix(),
            group=_stem(location),
            licence=LICENCE if cut else "",
            metadata={"encoding": decoded.encoding},
        )

    def _parts(self, document: Document) -> Iterator[Document]:
        if len(document.text) <= self.settings.part_chars:
            yield document
            return
        for number, part in enumerate(cut_into_parts(document.text, self.settings.part_chars)):
            yield replace(document, text=part, location=f"{document.location}#{number:04d}")


def _contents(path: Path, relative: PurePosixPath) -> Iterator[tuple[PurePosixPath, bytes | str]]:
    """Yield (location, bytes) of the texts in a file, or (location, drop reason)."""
    if reason := _name_reason(relative):
        yield relative, reason
    elif path.suffix.lower() == ".zip":
        yield from _zip_members(path, relative)
    else:
        try:
            content = path.read_bytes()
            if path.suffix.lower() == ".gz":
                content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            logger.warning("%s cannot be read: %s", relative, error)
            yield relative, UNREADABLE
        else:
            yield relative, content


def _zip_members(
    path: Path, relative: PurePosixPath
) -> Iterator[tuple[PurePosixPath, bytes | str]]:
    try:
        with zipfile.ZipFile(path) as archive:
            for name in sorted(i.filename for i in archive.infolist() if not i.is_dir()):
                location = relative / name.lstrip("/")
                reason = _name_reason(PurePosixPath(name))
                if reason is None and location.suffix.lower() not in TEXT_SUFFIXES:
                    reason = UNSUPPORTED  # an archive within an archive
                yield location, reason or archive.read(name)
    except (OSError, EOFError, RuntimeError, NotImplementedError, zipfile.BadZipFile, zlib.error):
        logger.warning("%s cannot be read as a zip archive", relative)
        yield relative, UNREADABLE


def _name_reason(relative: PurePosixPath) -> str | None:
    if any(part.startswith((".", "__MACOSX")) for part in relative.parts):
        return HIDDEN
    words = re.findall(r"[a-z0-9]+", relative.name.partition(".")[0].casefold())
    if words and (words[0] in _ABOUT or words[-1] in _ABOUT):
        return ABOUT_THE_DATA
    suffixes = [suffix.lower() for suffix in relative.suffixes]
    if suffixes[-1:] == [".zip"]:
        return None
    if suffixes[-1:] == [".gz"]:
        # x.txt.gz, x.gz and "vol. 1.gz" hold text; x.tar.gz and x.json.gz do not.
        inner = relative.with_suffix("").suffix.lower()
        known = inner in TEXT_SUFFIXES or not re.fullmatch(r"\.[a-z][a-z0-9]{0,4}", inner)
        return None if known else UNSUPPORTED
    return None if suffixes[-1:] and suffixes[-1] in TEXT_SUFFIXES else UNSUPPORTED


def _stem(location: PurePosixPath) -> str:
    name = location.name
    for suffix in (".gz", ".txt", ".md"):
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
