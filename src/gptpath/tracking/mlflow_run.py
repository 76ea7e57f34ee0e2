"""One stage execution as an MLflow run: metrics by step in batches, inputs, tags, models."""

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from gptpath.events import Evaluated, Event, ModelFinished, StepFinished
from gptpath.tracking.lineage import StageInput, stage_name
from gptpath.tracking.recorder import StageFacts, Status
from gptpath.tracking.registration import register_model
from gptpath.tracking.store import experiment_id, open_client
from gptpath.tracking.system_metrics import SystemMetrics, system_metrics_are_on

FLUSH_SECONDS = 5.0
BATCH_METRICS = 1000
"""MLflow's own limit of metrics in one batch."""

INPUT_TRIES = 5
"""How often the inputs of a run are offered before its stage gives up."""

INVALID = "INVALID_PARAMETER_VALUE"
"""MLflow's code for numbers that it will never take; all else may pass and is tried again."""

logger = logging.getLogger(__name__)


def open_run(
    root: Path, facts: StageFacts, *, parent: str | None, flow_run: str | None
) -> "MlflowRun":
    """Create the run with all that is known beforehand."""
    client = open_client(root)
    experiment = experiment_id(client, root, facts.profile)
    name = stage_name(facts.stage, facts.item)
    run = client.create_run(experiment, run_name=name, tags=_tags(facts, parent, flow_run))
    run_id = run.info.run_id
    client.log_batch(run_id, params=[Param(key, text) for key, text in facts.parameters.items()])
    if facts.inputs:
        _log_inputs(client, run_id, [_dataset_input(one) for one in facts.inputs])
    return MlflowRun(client, run_id, facts)


def _log_inputs(client: MlflowClient, run_id: str, inputs: list[DatasetInput]) -> None:
    """Log data sets, which all runs of an experiment share.

    Of two runs that name a new one at the same moment MLflow refuses the second, for which it is
    there when it asks again.
    """
    for tries_left in reversed(range(INPUT_TRIES)):
        try:
            client.log_inputs(run_id, inputs)
            return
        except MlflowException:
            if not tries_left:
                raise
            time.sleep(0.1)


class MlflowRun:
    """An open MLflow run of a stage.

    Numbers wait in memory and go out every few seconds; a store that is away for a while costs
    a warning, not the training.
    """

    def __init__(self, client: MlflowClient, run_id: str, facts: StageFacts) -> None:
        self._client, self._run_id, self._facts = client, run_id, facts
        self._waiting: list[Metric] = []
        self._flushed_at = time.monotonic()
        self._system = SystemMetrics(self._keep) if system_metrics_are_on() else None

    @property
    def run_id(self) -> str:
        """MLflow's id of the run."""
        return self._run_id

    def record(self, event: Event) -> None:
        """Keep the numbers of an event; write them out if the last time is seconds ago."""
        step = event.step if isinstance(event, StepFinished | Evaluated) else None
        self._keep(_numbers(event), step or 0)
        if time.monotonic() - self._flushed_at >= FLUSH_SECONDS:
            self._flush()

    def register(self, model: ModelFinished, ledger: Mapping[str, Any]) -> None:
        """Register the model, or find the version that already holds the same weights.

        A registry that refuses costs an error line: the model is finished and lies in its folder,
        and failing the stage here would make DVC delete it.
        """
        try:
            version = register_model(self._client, self._run_id, self._facts, model, ledger)
            self._client.set_tag(self._run_id, f"gptpath.model.{model.name}", version)
        except MlflowException as error:
            logger.error("model %s is finished but not registered: %s", model.name, error)

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        """Write the rest of the numbers, the summary as `final/...`, and end the run."""
        if self._system is not None:
            self._system.stop()
        self._keep({f"final/{name}": value for name, value in summary.items()}, 0)
        self._flush()
        try:
            self._client.set_terminated(self._run_id, status)
        except MlflowException as error:
            logger.warning("MLflow run %s could not be closed: %s", self._run_id, error)

    def _keep(self, numbers: Mapping[str, float], step: int) -> None:
        """Let numbers wait; also called from the thread that reads the machine's load."""
        now = int(time.time() * 1000)
        self._waiting += [Metric(name, value, now, step) for name, value in numbers.items()]

    def _flush(self) -> None:
        self._flushed_at = time.monotonic()
        while self._waiting:
            batch = self._waiting[:BATCH_METRICS]
            try:
                self._client.log_batch(self._run_id, metrics=batch)
            except MlflowException as error:
                logger.warning("MLflow did not take %d numbers: %s", len(batch), error)
                if error.error_code != INVALID:
                    return
            del self._waiting[: len(batch)]


def _numbers(event: Event) -> dict[str, float]:
    if isinstance(event, StepFinished):
        measured = {"mfu": event.mfu, "peak_memory_bytes": event.peak_memory_bytes}
        return {
            "train/loss": event.loss,
            "train/tokens": float(event.tokens),
            "train/learning_rate": event.learning_rate,
            "train/grad_norm": event.grad_norm,
            "train/tokens_per_second": event.tokens_per_second,
        } | {f"train/{name}": float(value) for name, value in measured.items() if value is not None}
    return dict(event.values) if isinstance(event, Evaluated) else {}


def _tags(facts: StageFacts, parent: str | None, flow_run: str | None) -> dict[str, str]:
    tags = {
        "gptpath.stage": facts.stage,
        "gptpath.item": facts.item or "",
        "gptpath.profile": facts.profile,
        "gptpath.git_dirty": str(facts.revision.dirty).lower(),
        "mlflow.source.git.commit": facts.revision.commit,
        "mlflow.source.name": f"gptpath {facts.stage} {facts.item or ''}".strip(),
        "mlflow.source.type": "LOCAL",
        "mlflow.parentRunId": parent or "",
        "prefect.flow_run_id": flow_run or "",
    }
    return {name: value for name, value in tags.items() if value}


def _dataset_input(one: StageInput) -> DatasetInput:
    dataset = Dataset(
        name=one.path, digest=one.md5, source_type="dvc", source=f'{{"path": "{one.path}"}}'
    )
    tags = [InputTag("mlflow.data.context", "input"), InputTag("gptpath.producer", one.producer)]
    return DatasetInput(dataset, tags)
