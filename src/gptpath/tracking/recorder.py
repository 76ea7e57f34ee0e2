"""The record of one stage execution: an MLflow run, or nothing where tracking is off."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from gptpath.config.own_settings import changed_parameters
from gptpath.config.params import Params
from gptpath.config.stand_ins import marks_of
from gptpath.events import Event, ModelFinished
from gptpath.tracking.lineage import StageInput, inputs_of, read_declaration, read_lock
from gptpath.tracking.parameters import stage_parameters
from gptpath.tracking.revision import Revision
from gptpath.tracking.store import tracking_is_on

Status = Literal["FINISHED", "FAILED", "KILLED"]

PARENT_RUN = "GPTPATH_PARENT_RUN_ID"
"""Environment variable: the MLflow run of the flow that a stage's run belongs to."""

FLOW_RUN = "GPTPATH_FLOW_RUN_ID"
"""Environment variable: the Prefect flow run that started the stage."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class StageFacts:
    """What is known of a stage execution before its work starts."""

    stage: str
    item: str | None
    profile: str
    revision: Revision
    parameters: Mapping[str, str]
    """The stage's slice of params.yaml, flattened."""
    inputs: tuple[StageInput, ...]
    """Outputs of other stages that it reads, by their DVC md5s."""
    outs: tuple[str, ...]
    """What it writes, as declared in dvc.yaml."""
    stand_ins: Mapping[str, str] = field(default_factory=dict[str, str])
    """Of the parameters those whose value is not OpenAI's, with its source."""


class Recorder(Protocol):
    """What the runner needs from a record of a stage."""

    @property
    def run_id(self) -> str | None:
        """MLflow run id; None without tracking."""
        ...

    def record(self, event: Event) -> None:
        """Take note of one event; quick, never raises for an unreachable store."""
        ...

    def register(self, model: ModelFinished, ledger: Mapping[str, Any]) -> None:
        """Put a finished model into the registry."""
        ...

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        """Write what is left and close the record."""
        ...


class NoRecord:
    """The record of a stage that runs without tracking."""

    run_id: str | None = None

    def record(self, event: Event) -> None:
        """Forget the event."""
        del event

    def register(self, model: ModelFinished, ledger: Mapping[str, Any]) -> None:
        """Say that the model stays unregistered."""
        del ledger
        logger.info("tracking is off: model %s is not registered", model.name)

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        """Nothing to close."""
        del status, summary


def collect_facts(
    root: Path, params: Params, stage: str, item: str | None, revision: Revision
) -> StageFacts:
    """Read what dvc.yaml, dvc.lock and params.yaml say about the stage."""
    declaration = read_declaration(root, params, stage, item)
    parameters = stage_parameters(params, declaration.params)
    marks = marks_of(params, item) | changed_parameters(root, params, item)
    return StageFacts(
        stage=stage,
        item=item,
        profile=params.profile,
        revision=revision,
        parameters=parameters,
        inputs=tuple(inputs_of(declaration, read_lock(root))),
        outs=declaration.outs,
        stand_ins={name: source for name, source in marks.items() if name in parameters},
    )


def open_recorder(root: Path, facts: StageFacts) -> Recorder:
    """Open the stage's MLflow run, below the flow's run if a flow started the stage.

    Raises PipelineError when the store does not answer: better before the work than after it.
    """
    if not tracking_is_on():
        logger.info("tracking is off: no MLflow run")
        return NoRecord()
    from gptpath.tracking.mlflow_run import open_run

    return open_run(
        root, facts, parent=os.environ.get(PARENT_RUN), flow_run=os.environ.get(FLOW_RUN)
    )
