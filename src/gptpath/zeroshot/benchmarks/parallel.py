"""Two files aligned line by line: plain text, or the SGML of the WMT test sets."""

import html
import re
from pathlib import Path
from typing import Any

from gptpath.errors import CorpusError
from gptpath.zeroshot.benchmarks.files import read_text

_SEGMENT = re.compile(r"<seg[^>]*>(.*?)</seg>", re.DOTALL)


def read_pairs(source: Path, target: Path) -> list[dict[str, Any]]:
    """Rows of `source`, `target` and `id`; CorpusError if the files are of different length."""
    sides = [read_lines(path) for path in (source, target)]
    if len(sides[0]) != len(sides[1]):
        raise CorpusError(
            f"{source} has {len(sides[0])} lines and {target} {len(sides[1])}; expected a line of "
            "one for each of the other"
        )
    pairs = zip(*sides, strict=True)
    return [{"id": f"{n:05d}", "source": a, "target": b} for n, (a, b) in enumerate(pairs)]


def read_lines(path: Path) -> list[str]:
    """The sentences of one side."""
    text = read_text(path)
    if path.name.removesuffix(".gz").endswith(".sgm"):
        return [" ".join(html.unescape(segment).split()) for segment in _SEGMENT.findall(text)]
    return text.removesuffix("\n").split("\n")
