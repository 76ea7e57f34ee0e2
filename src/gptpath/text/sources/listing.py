"""The files of a source: which there are, and which are no data by their name."""

import logging
import re
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath

from gptpath.errors import CorpusError
from gptpath.text.sources.source import UNIT_BYTES, Unit

logger = logging.getLogger(__name__)

ABOUT_THE_DATA = "file_about_the_data"
HIDDEN = "file_hidden"
UNSUPPORTED = "file_of_another_type"
UNREADABLE = "file_unreadable"
TRUNCATED = "file_truncated"
EMPTY = "file_empty"

_ABOUT = frozenset({"readme", "license", "licence", "copying", "notice", "manifest", "changelog"})

Piece = tuple[str, int]
"""What a unit's part says, and its bytes when unpacked."""


def place_of(raw: Path, path: str) -> Path:
    """The file or folder that a source's `path` below `ingest.raw` means."""
    return raw if path == "." else raw / path


def root_of(place: Path) -> Path:
    """The folder that the relative paths of a source start from."""
    return place.parent if place.is_file() else place


def list_files(place: Path, name: str) -> list[PurePosixPath]:
    """Relative paths of all files in and below `place`, sorted as text.

    Links to folders are not followed, since DVC would not see what changes there; the log names
    them. Raises CorpusError if the file or folder is missing or has no file.
    """
    if place.is_file():
        return [PurePosixPath(place.name)]
    if not place.is_dir():
        raise CorpusError(
            f"{place} of the source {name!r} does not exist; name a file or a folder by ingest.raw "
            "and the source's path"
        )
    found: list[str] = []
    links: list[Path] = []
    for path in place.rglob("*"):
        if path.is_file():
            found.append(path.relative_to(place).as_posix())
        elif path.is_symlink():
            links.append(path)
    for path in sorted(links):
        what = "to a folder, which is not followed" if path.is_dir() else "to nothing"
        logger.warning("%s of the source %r is a link %s; nothing of it is read", path, name, what)
    found.sort()
    if not found:
        raise CorpusError(
            f"{place} of the source {name!r} has no files; put the data there, or name another "
            "folder by ingest.raw and the source's path"
        )
    return [PurePosixPath(path) for path in found]


def reason_by_name(relative: PurePosixPath) -> str | None:
    """Why a file is no data of any kind: hidden, or about the data; else None.

    A file is about the data if the first or last word of its name before the first dot is one of
    readme, license, licence, copying, notice, manifest, changelog.
    """
    if any(part.startswith((".", "__MACOSX")) for part in relative.parts):
        return HIDDEN
    words = re.findall(r"[a-z0-9]+", relative.name.partition(".")[0].casefold())
    return ABOUT_THE_DATA if words and (words[0] in _ABOUT or words[-1] in _ABOUT) else None


def batched(pieces: Iterable[Piece | Unit]) -> list[Unit]:
    """Put small pieces together to units of about UNIT_BYTES, named after their first piece.

    A larger piece is a unit of its own, and what is a unit already stays one. Sorted by key, which
    is the order of the pieces but where one path is the beginning of another.
    """
    units: list[Unit] = []
    batch: list[Piece] = []
    size = 0
    for piece in pieces:
        ready = isinstance(piece, Unit)
        if ready or size + piece[1] > UNIT_BYTES:
            units += _together(batch)
            batch, size = [], 0
        if ready:
            units.append(piece)
        else:
            batch.append(piece)
            size += piece[1]
    return sorted([*units, *_together(batch)], key=lambda unit: unit.key)


def _together(batch: Sequence[Piece]) -> list[Unit]:
    """One unit of all pieces; none of no pieces."""
    parts = tuple(part for part, _ in batch)
    return [Unit(key=parts[0], parts=parts, size=sum(size for _, size in batch))] if parts else []
