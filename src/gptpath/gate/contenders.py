"""Which models of a checkout are gated, and where they lie."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gptpath.config.params import Params
from gptpath.gate.decision import Side

VARIANT = "full"
"""GPT-1's own recipe of fine-tuning: the classifier that people use. The other variants are
experiments beside it (GPT-1 Table 5) and are not gated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Contestant:
    """One of two models, and the folder that holds it here."""

    side: Side
    folder: Path


def gated_models(root: Path, params: Params, asked: Sequence[str] | None = None) -> tuple[str, ...]:
    """Names of the models to gate: those asked for, or of `gate.models`, or all there are.

    All are the language models of the matrix, and those of their classifiers that lie in the
    checkout; what another profile or an earlier task has left there is not among them.
    """
    named, matrix = tuple(asked or params.gate.models), params.matrix
    theirs = {f"{model}-{task}" for model in matrix.models for task in matrix.finetune_tasks}
    return named or (*matrix.models, *(one for one in _classifiers(root) if one in theirs))


def folder_of(root: Path, model: str) -> Path:
    """Folder of a model of the checkout by its name without `gptpath-`, whether it is there or not.

    A classifier is called by its language model and its task: `gpt1-laptop-wording`.
    """
    return _classifiers(root).get(model, root / "models" / "pretrained" / model)


def task_of(folder: Path) -> str | None:
    """The task of a classifier's folder; None of another folder."""
    return _described(folder / "classifier.json").get("task")


def stage_of(root: Path, model: str) -> str:
    """The stage that makes a model."""
    task = task_of(folder_of(root, model))
    return f"pretrain@{model}" if task is None else f"finetune@{task}"


def _classifiers(root: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted((root / "models" / "finetuned").glob(f"*/{VARIANT}/classifier.json")):
        said = _described(path)
        if {"pretrained", "task"} <= said.keys():
            found[f"{said['pretrained']}-{said['task']}"] = path.parent
    return found


def _described(path: Path) -> dict[str, str]:
    """What a classifier.json says in words; nothing where it is absent or broken."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {key: text for key, text in values.items() if isinstance(text, str)}
