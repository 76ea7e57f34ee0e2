"""The items on which champion and challenger meet: held-out documents, cut into passages."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from gptpath.errors import CorpusError
from gptpath.text.documents import read_frames


@dataclass(frozen=True, kw_only=True, slots=True)
class Passage:
    """A stretch of a held-out document that a model reads from its beginning."""

    document: str
    """Id of its document."""
    text: str


def read_passages(split: Path, *, documents: int, characters: int) -> list[Passage]:
    """Passages of the first `documents` of a corpus split; CorpusError if it holds no text."""
    rows = (row for frame in read_frames(split, ["id", "text"]) for row in frame.iter_rows())
    found = [
        Passage(document=document, text=part)
        for document, text in islice(rows, documents)
        for part in cut(text, characters)
        if part.strip()
    ]
    if not found:
        raise CorpusError(f"{split} holds no text to compare models on; run `gptpath ingest`")
    return found


def cut(text: str, characters: int) -> Iterator[str]:
    """Pieces of at most `characters` that together are the text, cut before blanks if possible."""
    start = 0
    while start < len(text):
        stop = start + characters
        if stop < len(text):
            blank = max(text.rfind(" ", start + 1, stop), text.rfind("\n", start + 1, stop))
            stop = blank if blank > start else stop
        yield text[start:stop]
        start = stop


def item_numbers(passages: Iterable[Passage], *, by_document: bool) -> list[int]:
    """For each passage the number of the item it counts to, from 0 on in order."""
    numbers: dict[str, int] = {}
    if not by_document:
        return [number for number, _ in enumerate(passages)]
    return [numbers.setdefault(passage.document, len(numbers)) for passage in passages]
