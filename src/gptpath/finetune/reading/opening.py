"""Labelled text files, plain or gzipped, as lines; what damages a whole file is an error."""

import gzip
import io
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from gptpath.errors import CorpusError

_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


@contextmanager
def opened(path: Path, encoding: str) -> Generator[io.TextIOWrapper]:
    """Open a text whose lines end in line feeds alone; other line ends stay in the text.

    Bytes that are not of `encoding` become lone surrogates, so that one bad row costs one row. A
    byte-order mark of UTF-8 is passed over.

    Raises:
        CorpusError: missing or damaged file, unknown encoding, or UTF-16 where UTF-8 is expected.
    """
    try:
        with path.open("rb") as stream:
            packed = path.suffix == ".gz"
            buffered = io.BufferedReader(gzip.GzipFile(fileobj=stream)) if packed else stream
            utf8 = encoding.lower().replace("_", "-") in ("utf-8", "utf8")
            if utf8 and buffered.peek(2)[:2] in _WIDE_MARKS:
                raise CorpusError(
                    f"{path} begins with the mark of UTF-16, not {encoding}; "
                    "state encoding: utf-16, or save it as UTF-8"
                )
            yield io.TextIOWrapper(
                buffered,
                encoding="utf-8-sig" if utf8 else encoding,
                errors="surrogateescape",
                newline="\n",
            )
    except FileNotFoundError:
        raise CorpusError(f"there is no file {path}") from None
    except LookupError:
        raise CorpusError(
            f"unknown encoding {encoding!r} of {path}; use a Python name such as utf-8 or cp1252"
        ) from None
    except UnicodeDecodeError as error:
        raise CorpusError(f"{path} is not {encoding} text ({error}); state its encoding") from None
    except (OSError, EOFError, zlib.error) as error:
        raise CorpusError(f"{path} cannot be read ({error}); fetch or save it again") from None


def is_encoded(text: str) -> bool:
    """Whether a text is free of lone surrogates, which no encoding has."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
