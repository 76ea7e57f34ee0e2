"""Finding and reading the files of benchmarks; each may be gzipped (`.gz` added)."""

import gzip
import io
import json
import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gptpath.errors import CorpusError

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def find(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of the names that is a file below `folder`, as it is or gzipped."""
    candidates = (folder / (name + end) for name in names for end in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def read_bytes(path: Path) -> bytes:
    """The file's published bytes, out of gzip or a zip with one file; CorpusError if damaged."""
    raw = path.read_bytes()
    try:
        if path.suffix == ".zip":
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                return archive.read(archive.namelist()[0])
        return gzip.decompress(raw) if path.suffix == ".gz" else raw
    except (OSError, EOFError, zipfile.BadZipFile, IndexError) as error:
        raise CorpusError(
            f"{path} cannot be unpacked ({error}); fetch the published file again"
        ) from None


def read_text(path: Path) -> str:
    """The file as UTF-8, a byte-order mark left out; raises CorpusError if it is not."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorpusError(
            f"{path} is not UTF-8 text ({error}); fetch the published file again"
        ) from None


def lines_of(text: str) -> list[str]:
    r"""Lines with their ends, which are "\n" alone.

    Sentences of published files hold U+0085 and the like, at which str.splitlines would cut them.
    """
    return _LINE.findall(text)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a .jsonl, .json (one array) or .tsv file (a header line), by its name.

    Each row has an `id`, its place in the file, whatever it has under that name. A line that is
    no JSON object becomes a row without fields, which every protocol counts as malformed.
    """
    text = read_text(path)
    name = path.name.removesuffix(".gz")
    if name.endswith(".tsv"):
        values: list[Any] = _table(text)
    elif name.endswith(".json"):
        whole = _parsed(text)
        values = whole if isinstance(whole, list) else []
    else:
        values = [_parsed(line) for line in text.split("\n") if line.strip()]
    return [_row(value, number) for number, value in enumerate(values)]


def _table(text: str) -> list[dict[str, str]]:
    """Rows by the names of the first line; csv would refuse long fields and lone line ends."""
    lines = [line.rstrip("\r\n") for line in lines_of(text)]
    header, *rows = [line.split("\t") for line in lines if line] or [[]]
    return [dict(zip(header, row, strict=False)) for row in rows]


def _parsed(text: str) -> Any:
    try:
        return parse_json(text)
    except ValueError:
        return None


def parse_json(text: str) -> Any:
    """`json.loads`, lone surrogates read as U+FFFD; ValueError for whatever is no JSON.

    JSON can write surrogates that no UTF-8 file of results could hold.
    """
    try:
        value = json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return _encodable(value) if _SURROGATE.search(text) else value


def _encodable(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_encodable(each) for each in value]
    if isinstance(value, dict):
        return {_encodable(key): _encodable(each) for key, each in value.items()}
    return value


def _row(value: Any, number: int) -> dict[str, Any]:
    row = dict(value) if isinstance(value, dict) else {}
    row["id"] = f"{number:05d}"
    return row
