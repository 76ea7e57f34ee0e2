"""Rows of a prompt task's file -> items, with the solved examples before each prompt."""

import random
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from gptpath.config.prompts import PromptTask
from gptpath.errors import CorpusError
from gptpath.zeroshot.benchmarks.files import find, read_rows, read_text
from gptpath.zeroshot.items import MalformedItemError, parse_items
from gptpath.zeroshot.templates import lookup, render


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptItem:
    """One item of a prompt task as text."""

    id: str
    contexts: tuple[str, ...]
    """One for all candidates, or one for each."""
    candidates: tuple[str, ...]
    """What is scored after its context, delimiter excluded; empty for generation."""
    label: int | None
    references: tuple[str, ...]
    """Right answers, for generation."""

    @property
    def solved(self) -> tuple[str, str]:
        """Context and right answer, to stand before another item."""
        if self.label is None:
            return self.contexts[0], self.references[0]
        return self.contexts[self.label % len(self.contexts)], self.candidates[self.label]


def present_form(task: PromptTask, folder: Path) -> PromptTask | None:
    """The first of the task's layouts whose file is there."""
    return next((form for form in task.forms() if find(folder, form.files)), None)


def read_prompt_items(
    task: PromptTask, folder: Path, limit: int | None
) -> tuple[list[PromptItem], Counter[str]]:
    """Items of a form that is present, examples put before; malformed rows counted by reason."""
    parse = partial(prompt_item, task=task)
    items, malformed = parse_items(_rows(task, folder, task.files), parse)
    if task.shots:
        source = items
        if task.shot_files:
            source, _ = parse_items(_rows(task, folder, task.shot_files), parse)
        if len(source) < task.shots + (not task.shot_files):
            raise CorpusError(
                f"{task.shots} examples were asked for and {len(source)} usable rows are in "
                f"{' or '.join(task.shot_files or task.files)}; lower `shots`"
            )
        drawn = random.Random(task.shot_seed).sample(source, task.shots)
        used = () if task.shot_files else {item.id for item in drawn}
        header = "".join(_example(item, task) for item in drawn)
        items = [
            replace(item, contexts=tuple(header + context for context in item.contexts))
            for item in items
            if item.id not in used
        ]
    return items[:limit], malformed


def prompt_item(row: Mapping[str, Any], task: PromptTask) -> PromptItem:
    """One row; raises MalformedItemError if a field is missing or an answer fits no candidate."""
    templates = (task.prompt,) if isinstance(task.prompt, str) else task.prompt
    contexts = tuple(_clean(render(template, row), task) for template in templates)
    if not all(contexts):
        raise MalformedItemError("empty prompt", reason="empty prompt")
    answer = row["__answer__"] if "__answer__" in row else lookup(row, task.answer)
    if task.score == "generation":
        references = tuple(answer) if isinstance(answer, list | tuple) else (answer,)
        if not references or not all(isinstance(each, str) and each for each in references):
            raise MalformedItemError("no answer text", reason="no answer text")
        return PromptItem(
            id=row["id"], contexts=contexts, candidates=(), label=None, references=references
        )
    if not isinstance(task.prompt, str):
        candidates = (_clean(render(task.continuation, row), task),) * len(contexts)
    else:
        candidates = tuple(_clean(choice, task) for choice in _choices(row, task))
    if len(candidates) < 2 or not all(candidates):
        raise MalformedItemError("empty candidate", reason="fewer than two, or empty candidates")
    return PromptItem(
        id=row["id"],
        contexts=contexts,
        candidates=candidates,
        label=_label(answer, row, task, len(candidates)),
        references=(),
    )


def _choices(row: Mapping[str, Any], task: PromptTask) -> list[str]:
    if not isinstance(task.choices, str):
        return [render(template, row) for template in task.choices]
    values = lookup(row, task.choices)
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise MalformedItemError("no candidates", reason=f"{task.choices} is no list of texts")
    return values


def _label(answer: Any, row: Mapping[str, Any], task: PromptTask, count: int) -> int:
    names = task.answer_names
    values = lookup(row, names) if isinstance(names, str) else list(names)
    if not isinstance(values, list):
        raise MalformedItemError(f"{names} is {values!r}", reason=f"{names} is no list")
    if values:
        place = values.index(answer) if answer in values else None
    elif isinstance(answer, int | float) or (isinstance(answer, str) and answer.isdecimal()):
        place = int(answer) if float(answer).is_integer() else None
    else:
        place = None
    if place is None or not 0 <= place < count:
        raise MalformedItemError(f"answer {answer!r}", reason="answer fits no candidate")
    return place


def _clean(text: str, task: PromptTask) -> str:
    for pattern, replacement in task.replace:
        text = re.sub(pattern, replacement, text)
    return text


def _rows(task: PromptTask, folder: Path, names: Sequence[str]) -> list[dict[str, Any]]:
    path = find(folder, names)
    if path is None:
        raise CorpusError(f"no {' or '.join(names)} (or .gz) in {folder}")
    rows = read_rows(path)
    if task.answers_file and names == task.files:
        answers = find(folder, (task.answers_file,))
        if answers is None:
            raise CorpusError(f"no {task.answers_file} in {folder}, which holds the answers")
        lines = read_text(answers).split()
        if len(lines) != len(rows):
            raise CorpusError(f"{answers} has {len(lines)} answers for {len(rows)} rows of {path}")
        for row, line in zip(rows, lines, strict=True):
            row["__answer__"] = line
    return rows


def _example(item: PromptItem, task: PromptTask) -> str:
    context, answer = item.solved
    return f"{context}{task.delimiter}{answer}{task.shot_separator}"
