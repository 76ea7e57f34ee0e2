"""CNN/Daily Mail's `.story` files: the body, then blocks of `@highlight` and a line."""

from pathlib import Path
from typing import Any

from gptpath.zeroshot.benchmarks.files import read_text

_HIGHLIGHT = "@highlight"


def read_stories(folders: list[Path], limit: int | None) -> list[dict[str, Any]]:
    """Rows of `article`, `summary` (the highlights, one a line) and `id`, in the files' order.

    Names are hashes of the pages' addresses, so the first `limit` of them are a fair sample.
    """
    files = sorted(
        path
        for folder in folders
        for path in folder.iterdir()
        if path.name.removesuffix(".gz").endswith(".story")
    )
    return [_story(path) for path in files[:limit]]


def _story(path: Path) -> dict[str, Any]:
    body, *highlights = read_text(path).split(_HIGHLIGHT)
    return {
        "id": path.name.partition(".")[0],
        "article": body.strip(),
        "summary": "\n".join(filter(None, (" ".join(text.split()) for text in highlights))),
    }
