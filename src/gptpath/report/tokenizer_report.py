"""How well tokenizers fit the held-out documents, by source: `gptpath tokenizer-report`.

Bytes per token (more is better) and fertility, tokens per word (fewer is better). A word is what
stands between white space; end of text is not counted.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from gptpath.errors import ConfigError
from gptpath.text.documents import read_frames
from gptpath.text.json_files import write_json
from gptpath.tokens.bpe import SETTINGS_FILE, write_tokenizer
from gptpath.tokens.encoding import Encoding, load_encoding
from gptpath.tokens.published import GPT1_FILES, GPT2_FILES, gpt2_ranks, write_gpt1_tokenizer

SPLIT = "validation"
ALL = "all"
"""Row of all sources together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """Sizes of held-out documents under one encoding."""

    documents: int
    bytes: int
    """UTF-8 bytes of the texts."""
    words: int
    tokens: int

    @property
    def bytes_per_token(self) -> float:
        """Bytes of text that a token stands for on average."""
        return self.bytes / max(self.tokens, 1)

    @property
    def fertility(self) -> float:
        """Tokens that a word takes on average."""
        return self.tokens / max(self.words, 1)


Report = dict[str, dict[str, Fit]]
"""Fits by source (and ALL), then by encoding."""


def open_tokenizer(folder: Path, *, words: str) -> Encoding:
    """Load a tokenizer folder, or the published files of GPT-2 or GPT-1 as `folder` holds them.

    `words` says how GPT-1 splits words where the folder does not. Raises ConfigError for a folder
    that is none of the three.
    """
    if (folder / SETTINGS_FILE).is_file():
        return load_encoding(folder)
    with tempfile.TemporaryDirectory() as name:
        if _holds(folder, GPT2_FILES):
            write_tokenizer(Path(name), gpt2_ranks(folder), name="gpt2")
        elif _holds(folder, GPT1_FILES):
            write_gpt1_tokenizer(Path(name), folder, words=words)
        else:
            raise ConfigError(
                f"{folder} is no tokenizer: expected {SETTINGS_FILE}, or the published files "
                f"{' and '.join(GPT2_FILES)}, or {' and '.join(GPT1_FILES)}"
            )
        return load_encoding(Path(name))


def open_all(folders: Sequence[Path], *, words: str) -> dict[str, Encoding]:
    """Encodings by name; one whose name is taken goes by its folder."""
    encodings: dict[str, Encoding] = {}
    for folder in folders:
        encoding = open_tokenizer(folder, words=words)
        encodings[str(folder) if encoding.name in encodings else encoding.name] = encoding
    return encodings


def _holds(folder: Path, names: Mapping[str, str]) -> bool:
    return all((folder / n).is_file() or (folder / f"{n}.gz").is_file() for n in names)


def measure(corpus: Path, encodings: Mapping[str, Encoding], *, most_bytes: int) -> Report:
    """Fits on the first held-out documents, which are in random order, up to `most_bytes`."""
    sums: dict[str, dict[str, list[int]]] = {}
    left = most_bytes
    for frame in read_frames(corpus / SPLIT, ["source", "text"]):
        for source, text in frame.iter_rows():
            size, words = len(text.encode()), len(text.split())
            left -= size
            if left < 0 and sums:
                return _fits(sums)
            for name, encoding in encodings.items():
                counts = (1, size, words, len(encoding.encode_ordinary(text)))
                for row in (source, ALL):
                    before = sums.setdefault(row, {}).setdefault(name, [0, 0, 0, 0])
                    before[:] = [a + b for a, b in zip(before, counts, strict=True)]
    return _fits(sums)


def _fits(sums: Mapping[str, Mapping[str, Sequence[int]]]) -> Report:
    rows = sorted(sums, key=lambda source: (source == ALL, source))
    return {
        row: {
            name: Fit(documents=d, bytes=b, words=w, tokens=t)
            for name, (d, b, w, t) in sums[row].items()
        }
        for row in rows
    }


def render(report: Report) -> str:
    """A table: a row for each source, two columns for each encoding."""
    names = list(next(iter(report.values()), {}))
    rows = [["source", "documents", "MB", *(n for name in names for n in (name, "per word"))]]
    for source, fits in report.items():
        first = next(iter(fits.values()))
        cells = [f(fit) for fit in fits.values() for f in (_bytes_per_token, _fertility)]
        rows.append([source, f"{first.documents:,}", f"{first.bytes / 1e6:.2f}", *cells])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows
    ]
    return "\n".join([*lines, "", "under a name: bytes per token; per word: tokens per word"])


def _bytes_per_token(fit: Fit) -> str:
    return f"{fit.bytes_per_token:.3f}"


def _fertility(fit: Fit) -> str:
    return f"{fit.fertility:.3f}"


def write_report(path: Path, report: Report) -> None:
    """Write the fits as JSON: {source: {encoding: sizes, bytes_per_token, fertility}}."""
    values: dict[str, Any] = {
        source: {
            name: asdict(fit) | {"bytes_per_token": fit.bytes_per_token, "fertility": fit.fertility}
            for name, fit in fits.items()
        }
        for source, fits in report.items()
    }
    write_json(path, values)
