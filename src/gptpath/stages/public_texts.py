"""The texts of every public test set that is there, for holding them against the corpus."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gptpath.config.data_sets import DataSets
from gptpath.config.zeroshot import PROMPT_TASKS
from gptpath.contamination.overlap import Item
from gptpath.finetune.reading.assemble import Assembled
from gptpath.finetune.reading.collect import texts_of
from gptpath.finetune.suite.loading import load_published
from gptpath.finetune.suite.table import TABLE
from gptpath.zeroshot.benchmarks import catalogue
from gptpath.zeroshot.benchmarks.cbt import read_questions
from gptpath.zeroshot.benchmarks.coqa import read_conversations
from gptpath.zeroshot.benchmarks.files import find, lines_of, read_rows, read_text
from gptpath.zeroshot.benchmarks.gpt1_sets import read_cola, read_pronouns, read_race
from gptpath.zeroshot.benchmarks.parallel import read_lines
from gptpath.zeroshot.benchmarks.stories import read_stories
from gptpath.zeroshot.benchmarks.winograd import read_schemas
from gptpath.zeroshot.prompts import shipped_task

Rows = list[dict[str, Any]]
Read = Callable[[], list[Item]]

TWINS = {"cbt-books-ne": "cbt-books-cn", "multi30k-fr-en": "multi30k-en-fr"}
"""Tasks on the files of another one; of a translation the English side counts. WMT's English
side is another text in each direction."""
PARTS = {"race-m": "race", "race-h": "race"}
"""Fine-tuning sets within another one."""


def benchmark_texts(folder: Path) -> dict[str, Read]:
    """Name -> reader of each zero-shot benchmark that lies in `folder`."""
    found: dict[str, Read] = {}
    for name in catalogue.FILES:
        if name not in TWINS and catalogue.absence(folder, name) is None:
            found[name] = partial(_benchmark, folder, name)
    for name in PROMPT_TASKS:
        paths = (find(folder, form.files) for form in shipped_task(name).forms())
        if path := next(filter(None, paths), None):
            found[name] = partial(_items, read_rows, path)
    return found


def published_texts(folder: Path) -> Iterator[tuple[str, Read, Read]]:
    """`finetune/NAME`, test and training texts of each of GPT-1's sets that lies in `folder`."""
    for name, entry in TABLE.items():
        if name in PARTS:
            continue
        found = load_published(entry, folder, DataSets())
        if isinstance(found, Assembled):
            test, train = (partial(_split, found, split) for split in ("test", "train"))
            yield f"finetune/{name}", test, train


def texts(row: Mapping[str, Any]) -> tuple[str, ...]:
    """Every text of a row but its id, lists of texts included."""
    return tuple(text for key, value in row.items() if key != "id" for text in _within(value))


def _within(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _within(inner)


def _split(found: Assembled, split: str) -> list[Item]:
    return [texts_of(row) for row in found.splits[split]]


def _items(read: Callable[[Path], Rows], path: Path) -> list[Item]:
    return [texts(row) for row in read(path)]


def _lines(path: Path) -> list[Item]:
    return [(line,) for line in lines_of(read_text(path)) if line.strip()]


READERS: dict[str, Callable[[Path], Rows]] = {
    "cbt-cn": read_questions,
    "cbt-ne": read_questions,
    "coqa": read_conversations,
    "dprd": read_pronouns,
    "dprd-train": read_pronouns,
    "lambada": read_rows,
    "natural-questions": read_rows,
    "sst-2": read_rows,
    "winograd": read_schemas,
}
"""Files of rows; the others are lines of text, or folders."""


def _benchmark(folder: Path, name: str) -> list[Item]:
    places = [folder / each for each in catalogue.FILES[name]]
    path = find(folder, catalogue.FILES[name])
    if name == "cnn-dailymail":
        return [texts(row) for row in read_stories([p for p in places if p.is_dir()], None)]
    if name == "race":
        return _items(read_race, path or next(place for place in places if place.is_dir()))
    assert path is not None, "absence() was asked before"
    if name == "cola":
        tests = (find(folder, (each,)) for names in catalogue.COLA_TESTS for each in names)
        return [texts(row) for test in tests if test is not None for row in read_cola(test)]
    if name.startswith(("wmt14", "multi30k")):
        return [(line,) for line in read_lines(path)]
    return _items(READERS[name], path) if name in READERS else _lines(path)
