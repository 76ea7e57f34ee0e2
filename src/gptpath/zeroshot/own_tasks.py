"""Tasks from held-out documents of our own corpus."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from gptpath.errors import TokenError
from gptpath.text.labelled.task_files import read_items, read_specs
from gptpath.tokens.encoding import token_byte_lengths
from gptpath.tokens.shards import open_split
from gptpath.zeroshot.acceptability import complete_pairs, score_acceptability
from gptpath.zeroshot.choices import score_cloze, score_continuation
from gptpath.zeroshot.items import (
    acceptability_item,
    choice_item,
    cloze_item,
    last_word_item,
    parse_items,
    summary_item,
)
from gptpath.zeroshot.last_word import score_last_word
from gptpath.zeroshot.perplexity import score_heldout
from gptpath.zeroshot.results import Reporter, TaskResult
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.sources import (
    AbsentError,
    Builder,
    Malformed,
    ScoreModel,
    Sources,
    some_items,
)
from gptpath.zeroshot.summary import SummarySettings, score_summaries

Item = TypeVar("Item")


def _heldout(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    """`max_items` windows of the validation split, which lies in random order of documents."""
    del name
    if sources.tokens is None:
        raise AbsentError("there is no corpus of our own here")
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
    return lambda scorer, report: score_heldout(scorer, report, tokens, lengths), Malformed()


def _acceptability(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    folder = _folder(name, sources)
    tuning_rows = [
        row for split in ("train", "validation") for row in read_items(folder, name, split)
    ]
    tuning_items, malformed = parse_items(tuning_rows, acceptability_item)
    tuning, lonely_tuning = complete_pairs(tuning_items, sources.max_items)
    test_items, bad_test = parse_items(read_items(folder, name, "test"), acceptability_item)
    test, lonely_test = complete_pairs(test_items, sources.max_items)
    if not tuning or not test:
        raise AbsentError(f"{len(tuning)} pairs to tune on and {len(test)} to test on in {name}")
    malformed.update(bad_test)
    if lonely := lonely_tuning + lonely_test:
        malformed["no natural and corrupted pair"] += lonely
    return lambda scorer, report: score_acceptability(scorer, report, tuning, test), malformed


def _embedded(
    score: Callable[[Scorer, Reporter, Sequence[Item]], TaskResult],
    parse: Callable[[Mapping[str, Any]], Item],
) -> Builder:
    def build(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
        rows = read_items(_folder(name, sources), name, "test", sources.max_items)
        items, malformed = some_items(rows, parse, f"the test split of task {name}")
        return lambda scorer, report: score(scorer, report, items), malformed

    return build


def _tldr(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
    settings = sources.summaries or SummarySettings(max_new_tokens=40, top_k=2, seed=sources.seed)
    return _embedded(
        lambda scorer, report, items: score_summaries(scorer, report, items, settings),
        summary_item,
    )(name, sources)


def _folder(name: str, sources: Sources) -> Path:
    if sources.tasks is None:
        raise AbsentError("there is no corpus of our own here")
    specs = read_specs(sources.tasks)
    if name not in specs:
        raise AbsentError(f"no task {name!r} in data/tasks/tasks.json")
    if specs[name].absent is not None:
        raise AbsentError(f"this corpus yields none: {specs[name].absent}")
    return sources.tasks


BUILDERS: dict[str, Builder] = {
    "heldout": _heldout,
    "last-word": _embedded(score_last_word, last_word_item),
    "cloze": _embedded(score_cloze, cloze_item),
    "continuation": _embedded(score_continuation, choice_item),
    "acceptability": _acceptability,
    "tldr": _tldr,
}
