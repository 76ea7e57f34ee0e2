"""Labelled tasks derived from the structure of held-out documents (docs/formats.md).

They let every part of the path be exercised on real text without any download. They are no
benchmark: a score on them compares models of one run with each other and with chance.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from gptpath.events import Emit, Progress
from gptpath.text.documents import Document
from gptpath.text.labelled import continuation_tasks, document_tasks, sentence_tasks
from gptpath.text.labelled.held_out import HeldOut, Item, hold_out, with_ids
from gptpath.text.labelled.task_files import SPLITS, TaskSpec, write_specs, write_task

logger = logging.getLogger(__name__)

Blocks = Callable[[], Iterator[list[Item]]]

LEAST_ITEMS = 20
"""A task with fewer items in all is declared absent."""

SPECS = (
    TaskSpec(
        name="package",
        kind="classification",
        labels=(),
        columns=("text", "label"),
        description="Which package (or book) does the text come from? Names are taken out.",
    ),
    TaskSpec(
        name="acceptability",
        kind="classification",
        labels=("corrupted", "natural"),
        columns=("text", "label", "pair"),
        description="Is the sentence as its author wrote it, or were words swapped or replaced?",
    ),
    TaskSpec(
        name="entailment",
        kind="entailment",
        labels=("other", "own"),
        columns=("premise", "hypothesis", "label"),
        description="Does the summary line belong to this body, or to another one of its package?",
    ),
    TaskSpec(
        name="summary",
        kind="entailment",
        labels=("other", "own"),
        columns=("premise", "hypothesis", "label"),
        description="Is this the author's summary line of the body, or a sentence of another body?",
    ),
    TaskSpec(
        name="similarity",
        kind="similarity",
        labels=("different", "same"),
        columns=("text_a", "text_b", "label"),
        description="Are these two halves of one document, or of two of the same package?",
    ),
    TaskSpec(
        name="continuation",
        kind="multiple-choice",
        labels=(),
        columns=("context", "choices", "label"),
        description="Which of four sentences of like length comes next?",
    ),
    TaskSpec(
        name="wording",
        kind="multiple-choice",
        labels=(),
        columns=("context", "choices", "label"),
        description="Which of four wordings of the next sentence is its author's?",
    ),
    TaskSpec(
        name="last-word",
        kind="last-word",
        labels=(),
        columns=("context", "target"),
        description="The last word of a passage, which has occurred before (LAMBADA's form).",
    ),
    TaskSpec(
        name="cloze",
        kind="cloze",
        labels=(),
        columns=("context", "prefix", "suffix", "choices", "label"),
        description="Which of ten words of the document is missing (Children's Book Test's form)?",
    ),
    TaskSpec(
        name="tldr",
        kind="summary",
        labels=(),
        columns=("article", "summary"),
        description="The author's own summary line of a body of text.",
    ),
)


def derive_tasks(
    documents: Sequence[Document], folder: Path, *, seed: int, most_items: int, emit: Emit
) -> dict[str, dict[str, int]]:
    """Write all tasks that `documents` yield, at most `most_items` each, and tasks.json.

    Returns items by task and split. A task that cannot be made is listed with its reason.
    """
    held = hold_out(documents, seed=seed)
    names = document_tasks.package_names(held, most_items)
    blocks = _blocks(held, names, seed, most_items)
    counts: dict[str, dict[str, int]] = {}
    specs: list[TaskSpec] = []
    for done, spec in enumerate(SPECS, start=1):
        taken = _take(blocks[spec.name](), most_items)
        found = Counter(item.held.split for item in chain.from_iterable(taken))
        by_split = {split: found[split] for split in SPLITS}
        absent = _absence(spec.name, held, names, by_split)
        if spec.name == "package":
            spec = replace(spec, labels=names)
        if absent:
            logger.warning("task %s is absent: %s", spec.name, absent)
            spec = replace(spec, absent=absent)
        else:
            write_task(folder, spec, with_ids(spec.name, taken))
            counts[spec.name] = by_split
        specs.append(spec)
        emit(Progress(done=done, total=len(SPECS), what="tasks"))
    write_specs(folder, specs)
    return counts


def _blocks(
    held: Sequence[HeldOut], names: Sequence[str], seed: int, most_items: int
) -> dict[str, Blocks]:
    return {
        "package": lambda: document_tasks.package(held, names, most_items),
        "acceptability": lambda: sentence_tasks.acceptability(held, seed),
        "entailment": lambda: document_tasks.entailment(held),
        "summary": lambda: document_tasks.summary(held),
        "similarity": lambda: document_tasks.similarity(held),
        "continuation": lambda: continuation_tasks.continuation(held, seed),
        "wording": lambda: continuation_tasks.wording(held, seed),
        "last-word": lambda: sentence_tasks.last_word(held, seed),
        "cloze": lambda: sentence_tasks.cloze(held, seed),
        "tldr": lambda: document_tasks.tldr(held),
    }


def _take(blocks: Iterator[list[Item]], most: int) -> list[list[Item]]:
    taken: list[list[Item]] = []
    count = 0
    for block in blocks:
        if count + len(block) > most:
            break
        taken.append(block)
        count += len(block)
    return taken


def _absence(
    task: str, held: Sequence[HeldOut], names: Sequence[str], by_split: dict[str, int]
) -> str | None:
    if task == "package" and not names:
        return "fewer than two packages (or books) have enough held-out documents"
    if task in ("entailment", "summary", "tldr") and all(h.prose.summary is None for h in held):
        return "the documents have no summary line of their author"
    if sum(by_split.values()) < LEAST_ITEMS or not all(by_split.values()):
        found = ", ".join(f"{n} {split}" for split, n in by_split.items())
        return f"the held-out documents yield too few items ({found})"
    return None
