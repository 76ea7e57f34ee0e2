"""What a running stage tells the world: small typed records handed to a callback.

The library below `stages/` knows neither MLflow nor Prefect. It calls `emit(event)`;
`gptpath.tracking` turns events into MLflow metrics and models, `gptpath.stages.runner` into log
lines. `ignore` is the callback for those who do not listen.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, kw_only=True, slots=True)
class Progress:
    """How far a stage has come; `done` of `total` units of `what` (files, runs, requests)."""

    done: int
    total: int
    what: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StepFinished:
    """One logged optimiser step of a training run."""

    step: int
    total_steps: int
    tokens: int
    """Training tokens seen so far."""
    loss: float
    """Mean cross-entropy of the step's batch, nats per token."""
    learning_rate: float
    grad_norm: float
    """Global L2 norm of the gradient before clipping."""
    tokens_per_second: float
    seconds_left: float
    mfu: float | None = None
    """Model FLOPs as a share of the devices' bfloat16 peak; None where the peak is unknown."""
    peak_memory_bytes: int | None = None
    """Most memory that the first rank has used: of its GPU, or resident on a CPU."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluated:
    """Named scores at one optimiser step (or of the whole stage when `step` is None)."""

    step: int | None
    values: Mapping[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckpointSaved:
    """A checkpoint that a killed run can resume from, or a published one along the way."""

    step: int
    path: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelFinished:
    """A finished model folder, ready for the registry."""

    name: str
    """Registered name without the prefix `gptpath-`: `<model>` or `<model>-<task>[-<variant>]`."""
    path: Path
    """Folder with config.json, model.safetensors and tokenizer/ (docs/formats.md)."""
    kind: Literal["language-model", "classifier"]
    metrics: Mapping[str, float]
    """Final scores that the registry shows beside the version."""


Event = Progress | StepFinished | Evaluated | CheckpointSaved | ModelFinished
Emit = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Drop an event: the callback of callers who do not listen."""
    del event
