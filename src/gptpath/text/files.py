"""The `files` source: a text file, or a folder of .txt, .md, .gz and .zip files.

Nothing is lost in silence: each file that yields no document is counted under a reason.
"""

import gzip
import logging
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gptpath.errors import CorpusError
from gptpath.events import Emit, Progress
from gptpath.text.decoding import BINARY, decode, looks_binary
from gptpath.text.documents import Document
from gptpath.text.gutenberg import LICENCE, without_boilerplate

logger = logging.getLogger(__name__)

SOURCE = "files"
TEXT_SUFFIXES = frozenset({".txt", ".md"})

ABOUT_THE_DATA = "file_about_the_data"
HIDDEN = "file_hidden"
UNSUPPORTED = "file_of_another_type"
UNREADABLE = "file_unreadable"
ENCODING_UNKNOWN = "file_encoding_unknown"
EMPTY = "file_empty"

_ABOUT = frozenset({"readme", "license", "licence", "copying", "notice", "manifest", "changelog"})


@dataclass(frozen=True, kw_only=True, slots=True)
class RawFiles:
    """What a folder yielded."""

    documents: list[Document]
    """One per text file; not yet cleaned nor cut into parts."""
    dropped: Counter[str]
    """Files without a document, by reason."""


def read_files(raw: Path, *, emit: Emit) -> RawFiles:
    """Read every usable text below `raw` (a folder or one file) in the order of relative paths.

    A file is about the data, and no document, if the first or last word of its name before the
    first dot is one of readme, license, licence, copying, notice, manifest, changelog.
    Raises CorpusError if the folder is missing or holds no usable text.
    """
    paths = _list(raw)
    documents: list[Document] = []
    dropped: Counter[str] = Counter()
    for done, path in enumerate(paths, start=1):
        root = raw if raw.is_dir() else raw.parent
        relative = PurePosixPath(path.relative_to(root).as_posix())
        for location, content in _contents(path, relative):
            result = content if isinstance(content, str) else _document(location, content)
            if isinstance(result, str):
                logger.info("%s dropped: %s", location, result)
                dropped[result] += 1
            else:
                documents.append(result)
        emit(Progress(done=done, total=len(paths), what="files"))
    if not documents:
        reasons = ", ".join(f"{n} {reason}" for reason, n in sorted(dropped.items())) or "no files"
        raise CorpusError(
            f"ingest.raw={raw} has no usable text ({reasons}); put .txt, .md, .gz or .zip files "
            "with text there, or name another folder by ingest.raw"
        )
    return RawFiles(documents=documents, dropped=dropped)


def _list(raw: Path) -> list[Path]:
    if raw.is_file():
        return [raw]
    if not raw.is_dir():
        raise CorpusError(f"ingest.raw={raw} does not exist; name a text file or a folder of them")
    return sorted(path for path in raw.rglob("*") if path.is_file())


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


def _document(location: PurePosixPath, content: bytes) -> Document | str:
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
        source=SOURCE,
        location=location.as_posix(),
        group=_stem(location),
        licence=LICENCE if cut else "",
        metadata={"encoding": decoded.encoding},
    )


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
