"""What a task is prepared from, and what comes out: data read once, to ask any checkpoint."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from gptpath.config.prompts import PromptTask
from gptpath.tokens.encoding import Encoding
from gptpath.zeroshot.benchmarks.catalogue import FILES, missing
from gptpath.zeroshot.benchmarks.files import find
from gptpath.zeroshot.items import parse_items
from gptpath.zeroshot.results import Reporter, TaskResult
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.summary import SummarySettings

Item = TypeVar("Item")
ScoreModel = Callable[[Scorer, Reporter], TaskResult]
Malformed = Counter[str]


class AbsentError(Exception):
    """A task's data is not there; the message names what is missing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sources:
    """Where the data of all tasks lies, and how much of it to take."""

    benchmarks: Path
    encoding: Encoding
    context_length: int
    max_items: int | None
    seed: int
    tokens: Path | None = None
    """Token shards of our own corpus; None where there is no such corpus."""
    tasks: Path | None = None
    """Labelled tasks of our own corpus; None likewise."""
    summaries: SummarySettings | None = None
    """How the corpus's own summaries are asked for."""
    prompts: Mapping[str, PromptTask | str] = field(default_factory=dict[str, PromptTask | str])
    """Prompt tasks of one's own (params.yaml: zeroshot.prompts)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A task ready to be asked of any checkpoint."""

    name: str
    score: ScoreModel
    malformed: Malformed
    """Rows left out, by reason."""


Builder = Callable[[str, Sources], tuple[ScoreModel, Malformed]]


def some_items(
    rows: Iterable[Mapping[str, Any]], parse: Callable[[Mapping[str, Any]], Item], where: str
) -> tuple[list[Item], Malformed]:
    """Parsed items and what was malformed; AbsentError if nothing is left."""
    items, malformed = parse_items(rows, parse)
    require_some(items, malformed, where)
    return items, malformed


def require_some(items: object, malformed: Malformed, where: str) -> None:
    """Raise AbsentError if there are no items."""
    if not items:
        reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(malformed.items()))
        told = f" ({reasons})" if reasons else ""
        raise AbsentError(f"no usable item among {malformed.total()} rows of {where}{told}")


def require_file(name: str, sources: Sources) -> Path:
    """The file that a benchmark is read from; AbsentError if there is none."""
    path = find(sources.benchmarks, FILES[name])
    if path is None:
        raise AbsentError(missing(FILES[name]))
    return path


def rows_task(
    score: Callable[[Scorer, Reporter, Sequence[Item]], TaskResult],
    parse: Callable[[Mapping[str, Any]], Item],
    read: Callable[[Path], list[dict[str, Any]]],
) -> Builder:
    """A benchmark whose first `max_items` rows are parsed one by one."""

    def build(name: str, sources: Sources) -> tuple[ScoreModel, Malformed]:
        rows = read(require_file(name, sources))[: sources.max_items]
        items, malformed = some_items(rows, parse, f"{name} in the folder of benchmarks")
        return lambda scorer, report: score(scorer, report, items), malformed

    return build
