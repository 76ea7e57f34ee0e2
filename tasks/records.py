"""What passes between the flow and its tasks: small frozen records, never models or tables."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gptpath.errors import PipelineError
from gptpath.tracking.flow_record import FlowRecord
from gptpath.tracking.lineage import ledger_path, read_lock, split_name
from tasks.children import Children
from tasks.clock import StageClock
from tasks.places import Places


@dataclass(frozen=True, kw_only=True, slots=True)
class StageJob:
    """One stage to bring up to date in one flow run."""

    root: Path
    name: str
    """As DVC calls it: `pretrain@gpt2-laptop-s`."""
    rank: int
    """Place in the plan; lower ranks start first."""
    fresh: bool
    """DVC has nothing to do for it, nor for anything above it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowTools:
    """What all tasks of one flow run share."""

    places: Places
    children: Children
    record: FlowRecord
    flow_run_id: str
    notify_block: str | None = None
    """Prefect notification block that is told of alerts, `TYPE/NAME`."""
    clock: StageClock = field(default_factory=StageClock)


@dataclass(frozen=True, kw_only=True, slots=True)
class StageVersion:
    """What a stage stands at: the md5s of everything that went in and came out."""

    name: str
    version: str
    """md5 of its entry in dvc.lock, measured times left out."""
    params: Mapping[str, object]
    inputs: Mapping[str, str]
    """Path -> md5."""
    outputs: Mapping[str, str]
    """Path -> md5."""
    run_id: str | None
    """The MLflow run that made it; None where it was made without tracking."""
    skipped: bool
    """Nothing had to be done in this flow run."""
    seconds: float | None = None
    """How long this flow run was at it, waiting not counted; None where it was skipped."""
    work_seconds: float | None = None
    """The part of it that the stage's ledger accounts for; None where it keeps none."""

    @property
    def overhead_seconds(self) -> float | None:
        """Starting processes, hashing, recording: all that is not the stage's work."""
        if self.seconds is None or self.work_seconds is None:
            return None
        return self.seconds - self.work_seconds


def read_version(root: Path, name: str, *, seconds: float | None) -> StageVersion:
    """Read the stage's version from dvc.lock and its ledger; PipelineError if it is not there.

    `seconds` is the time spent on the stage just now, None if it was skipped.
    """
    entry = read_lock(root).get(name)
    if entry is None:
        raise PipelineError(f"dvc.lock has no entry for {name}; did `dvc repro` finish?")
    ledger = _read_ledger(ledger_path(root, *split_name(name)))
    return StageVersion(
        name=name,
        version=entry.digest(),
        params=entry.params,
        inputs=entry.deps,
        outputs=entry.outs,
        run_id=ledger.get("mlflow_run_id"),
        skipped=seconds is None,
        seconds=seconds,
        work_seconds=None if seconds is None else ledger.get("wall_seconds"),
    )


def _read_ledger(ledger: Path) -> Mapping[str, Any]:
    """The stage's ledger; the last stage, the report, keeps none."""
    if not ledger.is_file():
        return {}
    try:
        return json.loads(ledger.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PipelineError(f"{ledger} is not JSON ({error}); restore it: `dvc checkout`") from None
