"""The model card of a registered version: one short Markdown page of its facts."""

from collections.abc import Mapping
from typing import Any

from gptpath.config.stand_ins import NOT_OPENAIS
from gptpath.events import ModelFinished
from gptpath.tracking.recorder import StageFacts

PURPOSE = {
    "language-model": "Continues English text; trained by next-token prediction.",
    "classifier": "Chooses among labels; a pretrained language model with a task head (GPT-1).",
}


def model_card(facts: StageFacts, model: ModelFinished, ledger: Mapping[str, Any]) -> str:
    """Write the card: purpose, scores, parameters, data, code and compute."""
    stage = f"{facts.stage} {facts.item}" if facts.item else facts.stage
    changed = ", with uncommitted changes" if facts.revision.dirty else ""
    sections = [
        f"# gptpath-{model.name}",
        PURPOSE[model.kind],
        f"Made by `gptpath {stage}`, profile {facts.profile}, "
        f"commit {facts.revision.commit[:12]}{changed}.",
        _table("Scores", {name: f"{value:.6g}" for name, value in model.metrics.items()}),
        _table("Compute", {name: _number(ledger[name]) for name in COMPUTE if name in ledger}),
        _table("Data (DVC md5)", {one.path: one.md5 for one in facts.inputs}),
        _table("Parameters", _marked(facts)),
    ]
    return "\n\n".join(part for part in sections if part) + "\n"


MOST_CHARACTERS = 5000
"""Of a description: PostgreSQL refuses what is longer than MLflow's column."""
CUT = "\n\nCut here: the version's artifact `card` is the whole.\n"


def as_description(page: str) -> str:
    """A page as MLflow's databases take it: of a longer one the last lines are left out."""
    if len(page) <= MOST_CHARACTERS:
        return page
    return page[: page.rfind("\n", 0, MOST_CHARACTERS - len(CUT) + 1)] + CUT


COMPUTE = ("tokens", "flops", "wall_seconds", "cpu_seconds", "peak_memory_bytes", "energy_joules")
"""Keys of the ledger that the card and the version's tags repeat."""


def _marked(facts: StageFacts) -> dict[str, str]:
    """Parameters, those that fill a gap of the papers with where their value comes from."""
    return {
        name: f"{value} ({NOT_OPENAIS}: {facts.stand_ins[name]})"
        if name in facts.stand_ins
        else value
        for name, value in facts.parameters.items()
    }


def _number(value: Any) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _table(title: str, rows: Mapping[str, str]) -> str:
    if not rows:
        return ""
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join([f"## {title}", "", "| | |", "|---|---|", *lines])
