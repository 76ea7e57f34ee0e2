"""Passages with odd characters from the shared public files; nothing where the files are absent."""

import gzip
import re
from pathlib import Path

from tests.shared_data import REAL

GPT2_FILES = REAL / "tokenizers" / "gpt2"
GPT1_FILES = REAL / "tokenizers" / "gpt1"

_ODD = re.compile("[^\n\x20-\x7e]")
_MOST_PASSAGES = 100
"""Of each file."""


def odd_passages() -> dict[str, str]:
    """By file: its lines that hold anything but printable ASCII, each with its neighbours."""
    found: dict[str, str] = {}
    for path in sorted(REAL.rglob("*")):
        if path.is_file() and path.suffix != ".zip" and REAL / "tokenizers" not in path.parents:
            lines = _read(path).split("\n")
            odd = [n for n, line in enumerate(lines) if _ODD.search(line)][:_MOST_PASSAGES]
            kept = sorted({m for n in odd for m in (n - 1, n, n + 1) if 0 <= m < len(lines)})
            if kept:
                found[str(path.relative_to(REAL))] = "\n".join(lines[n][:2000] for n in kept)
    return found


def _read(path: Path) -> str:
    content = path.read_bytes()
    content = gzip.decompress(content) if path.suffix == ".gz" else content
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content.decode("latin-1")
