"""Each task's name -> its data, read once, and the function that scores a model on it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gptpath.errors import TokenError
from gptpath.text.labelled.task_files import TaskSpec, read_items, read_specs
from gptpath.tokens.encoding import Encoding, token_byte_lengths
from gptpath.tokens.shards import open_split
from gptpath.zeroshot import benchmarks
from gptpath.zeroshot.acceptability import complete_pairs, score_acceptability
from gptpath.zeroshot.choices import score_cloze, score_continuation, score_winograd
from gptpath.zeroshot.detokenizer import detokenize
from gptpath.zeroshot.items import (
    acceptability_item,
    choice_item,
    cloze_item,
    last_word_item,
    parse_items,
    passage_item,
    schema_item,
    summary_item,
)
from gptpath.zeroshot.last_word import score_last_word
from gptpath.zeroshot.perplexity import WikiTextLines, score_heldout, score_wikitext
from gptpath.zeroshot.results import Reporter, TaskResult
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.summary import SummarySettings, score_summaries

Item = TypeVar("Item")
Score = Callable[[Scorer, Reporter], TaskResult]

FINAL_ONLY = ("tldr", "wikitext-2")
"""Tasks asked of the finished model alone: they cost more than all the others together."""


class AbsentError(Exception):
    """A task's data is not there; the message names what is missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where the data of all tasks lies, and how much of it to take."""

    tokens: Path
    tasks: Path
    benchmarks: Path
    encoding: Encoding
    context_length: int
    max_items: int | None
    summaries: SummarySettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A task ready to be asked of any checkpoint."""

    name: str
    score: Score
    malformed: int
    """Rows left out because a field was missing or unusable."""


def prepare(name: str, sources: Sources) -> Task:
    """Read the data of one task; AbsentError if there is none, CorpusError if it is damaged."""
    build = _BUILDERS[name]
    if name in benchmarks.FILES:
        reason = benchmarks.absence(sources.benchmarks, name)
        if reason is not None:
            raise AbsentError(reason)
    score, malformed = build(name, sources)
    return Task(name=name, score=score, malformed=malformed)


def _heldout(name: str, sources: Sources) -> tuple[Score, int]:
    """`max_items` windows of the validation split, which lies in random order of documents."""
    del name
    split = open_split(sources.tokens, "validation")
    if split.vocab_size != sources.encoding.n_vocab:
        raise TokenError(
            f"{sources.tokens} has a vocabulary of {split.vocab_size}, the model's tokenizer one "
            f"of {sources.encoding.n_vocab}; run the stages from `gptpath encode` on again"
        )
    most = len(split)
    if sources.max_items is not None:
        most = min(most, sources.max_items * sources.context_length)
    tokens = split.read(0, most).astype(np.int64)
    lengths = token_byte_lengths(sources.encoding)
    return lambda scorer, report: score_heldout(scorer, report, tokens, lengths), 0


def _wikitext(name: str, sources: Sources) -> tuple[Score, int]:
    """The first lines of the test split, whole lines up to `max_items` windows of tokens."""
    del name
    published = benchmarks.read_wikitext(sources.benchmarks)
    if sources.max_items is not None:
        sizes = np.cumsum([len(sources.encoding.encode_ordinary(line)) for line in published])
        most = sources.max_items * sources.context_length
        published = published[: max(1, int(np.searchsorted(sizes, most, side="right")))]
    lines = WikiTextLines(published=tuple(published), detokenized=tuple(map(detokenize, published)))
    return lambda scorer, report: score_wikitext(scorer, report, lines), 0


def _acceptability(name: str, sources: Sources) -> tuple[Score, int]:
    _require_task(name, sources)
    tuning_rows = [
        row for split in ("train", "validation") for row in read_items(sources.tasks, name, split)
    ]
    tuning_items, bad_tuning = parse_items(tuning_rows, acceptability_item)
    tuning, lonely_tuning = complete_pairs(tuning_items, sources.max_items)
    test_items, bad_test = parse_items(read_items(sources.tasks, name, "test"), acceptability_item)
    test, lonely_test = complete_pairs(test_items, sources.max_items)
    if not tuning or not test:
        raise AbsentError(f"{len(tuning)} pairs to tune on and {len(test)} to test on in {name}")
    malformed = bad_tuning + lonely_tuning + bad_test + lonely_test
    return lambda scorer, report: score_acceptability(scorer, report, tuning, test), malformed


def _embedded(
    score: Callable[[Scorer, Reporter, Sequence[Item]], TaskResult],
    parse: Callable[[Mapping[str, Any]], Item],
) -> Callable[[str, Sources], tuple[Score, int]]:
    def build(name: str, sources: Sources) -> tuple[Score, int]:
        _require_task(name, sources)
        rows = read_items(sources.tasks, name, "test", sources.max_items)
        items, malformed = _some_items(rows, parse, f"the test split of task {name}")
        return lambda scorer, report: score(scorer, report, items), malformed

    return build


def _benchmark(
    score: Callable[[Scorer, Reporter, Sequence[Item]], TaskResult],
    parse: Callable[[Mapping[str, Any]], Item],
) -> Callable[[str, Sources], tuple[Score, int]]:
    def build(name: str, sources: Sources) -> tuple[Score, int]:
        rows = benchmarks.read_rows(sources.benchmarks, name)[: sources.max_items]
        items, malformed = _some_items(rows, parse, f"{name} in the folder of benchmarks")
        return lambda scorer, report: score(scorer, report, items), malformed

    return build


def _tldr(name: str, sources: Sources) -> tuple[Score, int]:
    settings = sources.summaries
    return _embedded(
        lambda scorer, report, items: score_summaries(scorer, report, items, settings),
        summary_item,
    )(name, sources)


def _require_task(name: str, sources: Sources) -> TaskSpec:
    specs = read_specs(sources.tasks)
    if name not in specs:
        raise AbsentError(f"no task {name!r} in data/tasks/tasks.json")
    if specs[name].absent is not None:
        raise AbsentError(f"this corpus yields none: {specs[name].absent}")
    return specs[name]


def _some_items(
    rows: Iterable[Mapping[str, Any]], parse: Callable[[Mapping[str, Any]], Item], where: str
) -> tuple[list[Item], int]:
    items, malformed = parse_items(rows, parse)
    if not items:
        raise AbsentError(f"no usable item among {malformed} rows of {where}")
    return items, malformed


_BUILDERS: dict[str, Callable[[str, Sources], tuple[Score, int]]] = {
    "heldout": _heldout,
    "last-word": _embedded(score_last_word, last_word_item),
    "cloze": _embedded(score_cloze, cloze_item),
    "continuation": _embedded(score_continuation, choice_item),
    "acceptability": _acceptability,
    "tldr": _tldr,
    "lambada": _benchmark(score_last_word, passage_item),
    "wikitext-2": _wikitext,
    "winograd": _benchmark(score_winograd, schema_item),
}
