"""One stage execution as an MLflow run: metrics by step in batches, inputs, tags, models."""

import logging
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from mlflow.entities import Dataset, DatasetInput, InputTag, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from gptpath.events import Evaluated, Event, ModelFinished, StepFinished
from gptpath.tracking.delivery import (
    NumberSender,
    deliver_end,
    deliver_leftovers,
    deliver_model,
    few_tries,
    patience,
    persist,
)
from gptpath.tracking.lineage import StageInput, stage_name
from gptpath.tracking.outbox import Outbox
from gptpath.tracking.recorder import StageFacts, Status
from gptpath.tracking.registration import check_folder
from gptpath.tracking.store import experiment_id, open_client, tracking_uri
from gptpath.tracking.system_metrics import SystemMetrics, system_metrics_are_on

INPUT_TRIES = 5
"""How often the inputs of a run are offered before its stage gives up."""

LATER = "it is kept in .scratch/outbox: the next run sends it, or `gptpath deliver`"

logger = logging.getLogger(__name__)


def open_run(
    root: Path, facts: StageFacts, *, parent: str | None, flow_run: str | None
) -> "MlflowRun":
    """Create the run with all that is known beforehand.

    Raises PipelineError when the store does not answer, or a setting of the environment is wrong.
    """
    patience()
    client = open_client(root)
    deliver_leftovers(client, root)
    experiment = experiment_id(client, root, facts.profile)
    name = stage_name(facts.stage, facts.item)
    run = client.create_run(experiment, run_name=name, tags=_tags(facts, parent, flow_run))
    run_id = run.info.run_id
    client.log_batch(run_id, params=[Param(key, text) for key, text in facts.parameters.items()])
    if facts.inputs:
        _log_inputs(client, run_id, [_dataset_input(one) for one in facts.inputs])
    return MlflowRun(client, Outbox.create(root, run_id, tracking_uri(root)), facts)


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

    All that is recorded goes through the run's outbox, so a store that is away costs neither
    the training nor any of its numbers (`gptpath.tracking.delivery`).
    """

    def __init__(self, client: MlflowClient, outbox: Outbox, facts: StageFacts) -> None:
        self._client, self._outbox, self._facts = client, outbox, facts
        self._open = ExitStack()
        self._open.enter_context(few_tries())
        self._sender = NumberSender(client, outbox)
        self._hurry = False
        self._system = SystemMetrics(self._keep) if system_metrics_are_on() else None

    @property
    def run_id(self) -> str:
        """MLflow's id of the run."""
        return self._outbox.state.run_id

    def record(self, event: Event) -> None:
        """Keep the numbers of an event; they go out within seconds."""
        step = event.step if isinstance(event, StepFinished | Evaluated) else None
        self._keep(_numbers(event), step or 0)

    def register(self, model: ModelFinished, ledger: Mapping[str, Any]) -> None:
        """Register the model, or find the version that already holds the same weights.

        A registry that does not take it costs an error line: the model is finished and kept, and
        failing the stage here would make DVC delete it. PipelineError for an incomplete folder.
        """
        check_folder(model)
        kept = self._outbox.keep(model, ledger, self._facts)
        deadline = time.monotonic() + patience(hurry=self._hurry)
        done = False
        try:
            done = persist(lambda: deliver_model(self._client, self._outbox, kept), deadline)
        except SystemExit:
            logger.warning("told to stop: the work is done, so the stage ends with its result")
        if not done:
            self._hurry = True  # the patience is spent, for other models and the end too
            logger.error("model %s is finished but not registered; %s", model.name, LATER)

    def finish(self, status: Status, summary: Mapping[str, float]) -> None:
        """Write the rest of the numbers, the summary as `final/...`, and end the run."""
        if self._system is not None:
            self._system.stop()
        self._keep({f"final/{name}": value for name, value in summary.items()}, 0)
        self._outbox.end(status, int(time.time() * 1000))
        seconds = patience(hurry=self._hurry or status == "KILLED")
        deadline = time.monotonic() + seconds
        done = self._sender.finish(seconds) and persist(
            lambda: deliver_end(self._client, self._outbox), deadline
        )
        self._outbox.close(delivered=done)
        self._open.close()
        if not done:
            logger.warning("MLflow lacks the end of run %s; %s", self.run_id, LATER)

    def _keep(self, values: Mapping[str, float], step: int) -> None:
        """Let numbers go out; also called from the thread that reads the machine's load."""
        now = int(time.time() * 1000)
        if values:
            self._sender.add([(name, value, now, step) for name, value in values.items()])


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
