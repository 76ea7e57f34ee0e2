"""What a stage is given, what it hands back, and where everything lies in a checkout."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gptpath.config.params import Params
from gptpath.events import Emit


@dataclass(frozen=True, kw_only=True, slots=True)
class StageContext:
    """One execution of a stage in a checkout."""

    root: Path
    """The checkout: the folder of params.yaml and dvc.yaml."""
    params: Params
    item: str | None
    """The matrix item (a model, a task), None for stages without a matrix."""
    emit: Emit

    def path(self, *parts: str) -> Path:
        """Path below the checkout; `parts` are the components of an entry of dvc.yaml."""
        return self.root.joinpath(*parts)

    @property
    def scratch(self) -> Path:
        """Ignored folder of resumable state, shared by all stages.

        GPTPATH_SCRATCH moves it, so that another checkout can go on with what a worker of this
        one has left; it must lie on the same file system as the checkouts.
        """
        return self.root / (os.environ.get("GPTPATH_SCRATCH") or ".scratch")


@dataclass(frozen=True, kw_only=True, slots=True)
class StageOutcome:
    """What a stage tells besides its output files."""

    metrics: Mapping[str, float] = field(default_factory=dict)
    """Summary scores of the stage for MLflow; deterministic."""
    tokens: int | None = None
    """Tokens processed by models, for the ledger."""
    flops: float | None = None
    """Model FLOPs spent, for the ledger."""
    attempts: Sequence[Mapping[str, Any]] = ()
    """Cost of each attempt at a stage that resumes (gptpath.train.attempts); `earlier` are those
    of processes before this one."""
    chosen: Mapping[str, int] = field(default_factory=dict)
    """Settings that parameters left to the stage, for the ledger."""
