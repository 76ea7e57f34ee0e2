"""`gptpath reproduce NAME`: a paper's row from its published weights, ours beside the printed.

Needs neither a corpus of our own nor a stage; runs on a bare GPU machine as well.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gptpath.errors import ConfigError
from gptpath.exchange.importing import HUB, import_model
from gptpath.model.device import configure, resolve_device
from gptpath.model.folder import load_config, load_model
from gptpath.stages.paper_rows import Cell, cells_of
from gptpath.text.json_files import write_json
from gptpath.tokens.encoding import load_encoding
from gptpath.zeroshot.intervals import Resampling
from gptpath.zeroshot.item_files import write_items
from gptpath.zeroshot.results import ItemRecord, Reporter, Score
from gptpath.zeroshot.scoring import Scorer
from gptpath.zeroshot.suite import AbsentError, Sources, prepare

logger = logging.getLogger(__name__)

RESAMPLING = Resampling(samples=1000, seed=1234)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What is to be reproduced, from where, and how much of it."""

    name: str
    """One of gptpath.exchange.importing.HUB."""
    source: Path | None
    """A folder in transformers' layout, or OpenAI's files; None takes it from the hub."""
    benchmarks: Path
    to: Path
    """Where the model folder, row.json, row.md and the items go."""
    max_items: int | None = None
    batch_size: int = 16
    device: str = "auto"
    precision: str = "float32"
    threads: int = 1
    tokenizer: Path | None = None
    words: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """A cell of the paper with ours beside it."""

    cell: Cell
    score: Score | None
    """None where the data is absent."""
    absent: str | None

    @property
    def ours(self) -> float | None:
        """Our number in the paper's units."""
        return None if self.score is None else self.score.value * self.cell.scale

    @property
    def verdict(self) -> str:
        """`within`, `OFF`, `not printed` or `absent`."""
        if self.ours is None:
            return "absent"
        if self.cell.paper is None:
            return "not printed"
        return "OFF" if self.cell.is_off(self.ours) else "within"


def reproduce(request: Request) -> list[Filled]:
    """Import the model, ask it every task of its row, write row.json, row.md and the items.

    Raises:
        ConfigError: no such published model.
        CheckpointError, TokenError, CorpusError: the model or a benchmark is damaged or missing.
    """
    if request.name not in HUB:
        raise ConfigError(f"no published model {request.name!r}; known: {', '.join(HUB)}")
    folder = request.to / "model"
    if not folder.exists():
        import_model(
            str(request.source or request.name),
            folder,
            tokenizer=request.tokenizer,
            words=request.words,
        )
    configure(threads=request.threads)
    cells = cells_of(request.name)
    scores, absent, records = _ask(request, folder, list(dict.fromkeys(c.task for c in cells)))
    filled = [
        Filled(
            cell=cell,
            score=scores.get((cell.task, cell.metric)),
            absent=absent.get(cell.task),
        )
        for cell in cells
    ]
    write_items(request.to, records)
    _write(request, filled, scores.values())
    return filled


def render(filled: Sequence[Filled]) -> str:
    """The row as a Markdown table."""
    columns = ("cell", "paper", "ours", "95 %", "tolerance", "verdict", "column")
    head = f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|"
    lines = [_line(each) for each in filled]
    off = sum(each.verdict == "OFF" for each in filled)
    printed = sum(each.verdict in ("OFF", "within") for each in filled)
    missing = sum(each.verdict == "absent" for each in filled)
    told = f"{off} of {printed} cells are off by more than their tolerance; {missing} are absent."
    return "\n".join([head, *lines, "", told])


def _line(filled: Filled) -> str:
    cell, score = filled.cell, filled.score
    paper = "" if cell.paper is None else f"{cell.paper:.4g}"
    tolerance = f"{100 * cell.tolerance:g} %" if cell.relative else f"{cell.tolerance:g}"
    ours = interval = ""
    if score is not None:
        ours = f"{score.value * cell.scale:.4g}"
        interval = f"{score.low * cell.scale:.4g} to {score.high * cell.scale:.4g}"
    where = filled.absent or f"{cell.task}/{cell.metric}; {cell.source}"
    fields = (cell.title, paper, ours, interval, tolerance, filled.verdict, where)
    return f"| {' | '.join(fields)} |"


def _ask(
    request: Request, folder: Path, tasks: Sequence[str]
) -> tuple[dict[tuple[str, str], Score], dict[str, str], list[ItemRecord]]:
    encoding = load_encoding(folder / "tokenizer")
    sources = Sources(
        benchmarks=request.benchmarks,
        encoding=encoding,
        context_length=load_config(folder).context_length,
        max_items=request.max_items,
        seed=RESAMPLING.seed,
    )
    model = load_model(folder, device=resolve_device(request.device))
    scorer = Scorer(model, encoding, batch_size=request.batch_size, precision=request.precision)
    scores: dict[tuple[str, str], Score] = {}
    absent: dict[str, str] = {}
    records: list[ItemRecord] = []
    for name in tasks:
        try:
            task = prepare(name, sources)
        except AbsentError as reason:
            absent[name] = str(reason)
            logger.warning("%s is absent: %s", name, reason)
            continue
        result = task.score(scorer, Reporter(task=name, resampling=RESAMPLING))
        scores |= {(score.task, score.metric): score for score in result.scores}
        records += result.records
        logger.info("%s: %s", name, {s.metric: round(s.value, 4) for s in result.scores})
    return scores, absent, records


def _write(request: Request, filled: Sequence[Filled], scores: Iterable[Score]) -> None:
    write_json(
        request.to / "row.json",
        {
            "model": request.name,
            "max_items": request.max_items,
            "cells": [
                asdict(each.cell)
                | {"ours": each.ours, "verdict": each.verdict, "absent": each.absent}
                for each in filled
            ],
            "scores": [asdict(score) for score in scores],
            "resampling": asdict(RESAMPLING),
        },
    )
    text = f"# {request.name}: the paper's row\n\n{render(filled)}\n"
    (request.to / "row.md").write_text(text, encoding="utf-8")
