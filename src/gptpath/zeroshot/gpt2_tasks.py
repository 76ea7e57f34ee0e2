"""GPT-2's zero-shot table (GPT-2 sec. 3): readers and protocols of each benchmark put together."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gptpath.zeroshot.benchmarks.catalogue import FILES
from gptpath.zeroshot.benchmarks.files import find, read_rows, read_text
from gptpath.zeroshot.benchmarks.winograd import read_schemas
from gptpath.zeroshot.choices import score_winograd
from gptpath.zeroshot.detokenizers.wikitext import detokenize
from gptpath.zeroshot.items import passage_item, schema_item
from gptpath.zeroshot.last_word import score_last_word
from gptpath.zeroshot.perplexity import TextSet, score_text, words_of
from gptpath.zeroshot.results import Reporter, TaskResult
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.sources import AbsentError, Builder, Malformed, Score, Sources, some_items

Item = TypeVar("Item")

FINAL_ONLY = ("wikitext-2",)


def _rows_task(
    score: Callable[[Scorer, Reporter, Sequence[Item]], TaskResult],
    parse: Callable[[Mapping[str, Any]], Item],
    read: Callable[[Path], list[dict[str, Any]]],
) -> Builder:
    def build(name: str, sources: Sources) -> tuple[Score, Malformed]:
        rows = read(_file(name, sources))[: sources.max_items]
        items, malformed = some_items(rows, parse, f"{name} in the folder of benchmarks")
        return lambda scorer, report: score(scorer, report, items), malformed

    return build


def _text(name: str, sources: Sources) -> tuple[Score, Malformed]:
    """The first lines of the test split, whole lines up to `max_items` windows of tokens."""
    published = read_text(_file(name, sources)).splitlines(keepends=True)
    if sources.max_items is not None:
        sizes = np.cumsum([len(sources.encoding.encode_ordinary(line)) for line in published])
        most = sources.max_items * sources.context_length
        published = published[: max(1, int(np.searchsorted(sizes, most, side="right")))]
    text = TextSet(
        spellings={"raw": tuple(published), "detokenized": tuple(map(detokenize, published))},
        units={"word": words_of(published)},
    )
    return lambda scorer, report: score_text(scorer, report, text), Malformed()


def _file(name: str, sources: Sources) -> Path:
    path = find(sources.benchmarks, FILES[name])
    if path is None:
        raise AbsentError(f"{name}: none of its files is in {sources.benchmarks}")
    return path


BUILDERS: dict[str, Builder] = {
    "lambada": _rows_task(score_last_word, passage_item, read_rows),
    "wikitext-2": _text,
    "winograd": _rows_task(score_winograd, schema_item, read_schemas),
}
