"""A task as text: how rows of a file become prompts, and how answers are judged (GPT-2 sec. 2).

No third-party import here, so that a bare machine reads the shipped tasks too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal

from gptpath.config.sections import FORBID_UNKNOWN, require
from gptpath.config.types import fits
from gptpath.errors import ConfigError

METRICS = ("exact-match", "f1", "rouge", "bleu")
"""How generated text is held against its references."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PromptTask:
    """One task put as text. Templates hold `{field}`, `{field.inner}` and `{field|filter}`.

    docs/protocols.md has the template language and examples.
    """

    files: tuple[str, ...]
    """Below zeroshot.benchmarks_dir, `.gz` may be added; the first one there is read. JSON lines,
    one JSON array, or tab-separated lines with a header (.tsv)."""
    prompt: str | tuple[str, ...]
    """The text before the answer. A list gives each candidate a text of its own, before the one
    `continuation` (as a Winograd schema does)."""
    score: Literal["choice", "generation"] = "choice"
    choices: str | tuple[str, ...] = ()
    """For `choice`: the field that holds the list of candidates, or a template for each."""
    continuation: str = ""
    """For a list of prompts: what all candidates go on with, and what is scored."""
    answer: str = ""
    """The field of the right answer: for `choice` the number of the candidate from 0 on, or one
    of `answer_names`; for `generation` a text or a list of texts that are all right."""
    answer_names: str | tuple[bool | int | str, ...] = ()
    """What the answer field calls the candidates, in their order: a list, or the field of one."""
    answers_file: str = ""
    """A file with one answer a line, where the answers lie apart from the rows."""
    delimiter: str = " "
    """Between prompt and answer."""
    replace: tuple[tuple[str, str], ...] = ()
    """(regular expression, replacement) applied to prompts and candidates, in order."""
    metrics: tuple[str, ...] = ("exact-match",)
    """For `generation`: see METRICS."""
    max_new_tokens: int = 32
    stop: tuple[str, ...] = ("\n",)
    """Generation ends before the first of these."""
    shots: int = 0
    """Solved examples before the prompt, the same ones for every item."""
    shot_files: tuple[str, ...] = ()
    """Where the examples come from, in the same form; none means the items' own file, from which
    the drawn ones are then left out."""
    shot_separator: str = "\n\n"
    shot_seed: int = 0
    description: str = ""
    """What the task is and where its wording comes from."""
    hub: dict[str, str] = field(default_factory=dict)
    """Where `gptpath benchmarks` finds it: `id`, `config`, `split`, `revision`."""
    layouts: tuple[dict[str, Any], ...] = ()
    """Changes to these settings for other published forms; each names its own `files`."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        require(bool(self.files), "a prompt task needs `files`, the names of its data")
        require(self.shots >= 0, f"shots={self.shots} must not be negative")
        require(self.max_new_tokens >= 1, f"max_new_tokens={self.max_new_tokens} must be positive")
        unknown = set(self.metrics) - set(METRICS)
        require(not unknown, f"unknown metrics {sorted(unknown)}; known: {', '.join(METRICS)}")
        require(bool(self.metrics), f"metrics is empty; known: {', '.join(METRICS)}")
        require(all(self.stop), "stop has an empty text, before which nothing could be generated")
        if self.score == "choice":
            several = not isinstance(self.prompt, str)
            require(
                bool(self.continuation) if several else bool(self.choices),
                "a choice needs `choices`, or a list of prompts with one `continuation`",
            )
        require(
            bool(self.answer) or bool(self.answers_file),
            "a prompt task needs `answer`, the field of the right answer, or `answers_file`",
        )
        require(
            bool(self.answer) or not self.shot_files,
            "examples from `shot_files` need `answer`: answers_file holds those of `files` alone",
        )
        for pattern, replacement in self.replace:
            try:
                re.sub(pattern, replacement, "")
            except (re.error, IndexError) as error:
                raise ConfigError(
                    f"replace: {pattern!r} by {replacement!r} is no regular expression and its "
                    f"replacement: {error}"
                ) from None
        for layout in self.layouts:
            _changed(self, layout)

    def forms(self) -> tuple["PromptTask", ...]:
        """This form and the other layouts, each whole."""
        return (replace(self, layouts=()), *(_changed(self, layout) for layout in self.layouts))


def prompt_task(values: Mapping[str, Any], *, where: str) -> PromptTask:
    """Build a task from parsed YAML; raises ConfigError with `where` in its message."""
    return PromptTask(**_checked(values, where))


def _changed(task: PromptTask, layout: Mapping[str, Any]) -> PromptTask:
    require("files" in layout, f"a layout must name its files, given {dict(layout)}")
    return replace(task, layouts=(), **_checked(layout, "layouts"))


def _checked(values: Mapping[str, Any], where: str) -> dict[str, Any]:
    known = {each.name for each in fields(PromptTask)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise ConfigError(f"{where}: unknown keys {unknown}; known: {', '.join(sorted(known))}")
    missing = sorted({"files", "prompt"} - set(values)) if where != "layouts" else []
    if missing:
        raise ConfigError(f"{where}: missing {', '.join(missing)}")
    frozen = {key: _frozen(value) for key, value in values.items()}
    for each in fields(PromptTask):
        if each.name in frozen and not fits(frozen[each.name], each.type):
            kind = str(each.type).replace("tuple", "list").replace("typing.", "")
            raise ConfigError(f"{where}: {each.name}={values[each.name]!r}; expected {kind}")
    return frozen


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(each) for each in value)
    return dict(value) if isinstance(value, Mapping) else value
