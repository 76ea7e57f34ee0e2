"""Runs of a deployment that a flow starts on workers, waits for, and starts again if they crash."""

import re
import time
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from typing import Any, cast
from uuid import UUID

from prefect import get_client, get_run_logger
from prefect.artifacts import create_markdown_artifact
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    ArtifactFilterKey,
    FlowRunFilter,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.states import AwaitingRetry, Cancelling

from gptpath.errors import PipelineError
from tasks.recovery import schedule_again

POLL_SECONDS = 2.0
HANDOVER = "handover"
"""Key of the artifact by which a sub-run tells its parent what came out."""


class SubRuns:
    """The sub-runs of the flow run in which this is called, by item."""

    def __init__(self, deployment: str) -> None:
        context = FlowRunContext.get()
        assert context is not None, "only within a flow"
        assert context.flow_run is not None, "only within a flow run"
        self._deployment, self._parent = deployment, context.flow_run.id
        self._by_hand = context.flow_run.deployment_id is None
        self._runs: dict[str, UUID] = {}

    def start(self, item: str, parameters: Mapping[str, Any]) -> None:
        """Start a run for one item, or find the one that this parent has started before.

        So a parent that crashed and runs again waits for the runs that it has; one that failed
        in the meantime is tried again.
        """
        values = {
            name: asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
            for name, value in parameters.items()
        }
        try:
            started = run_deployment(
                self._deployment,
                parameters=values,
                flow_run_name=f"{item} of {str(self._parent)[:8]}",
                timeout=0,
                tags=[item, _family(self._parent)],
                idempotency_key=f"{self._parent}-{item}",
            )
        except ObjectNotFound:
            raise PipelineError(
                f"this server has no deployment {self._deployment}; `prefect deploy --all` makes it"
            ) from None
        run = cast("FlowRun", started)
        self._runs[item] = run.id
        if run.state is not None and run.state.is_final() and not run.state.is_completed():
            with get_client(sync_client=True) as client:
                client.set_flow_run_state(run.id, AwaitingRetry())

    def wait(self) -> dict[str, str]:
        """Wait for the end of every run; returns item -> why, of those that did not succeed."""
        failures, waiting, late = dict[str, str](), dict(self._runs), set[str]()
        log = get_run_logger()
        with get_client(sync_client=True) as client:
            while waiting:
                for item, run_id in list(waiting.items()):
                    run = client.read_flow_run(run_id)
                    if run.state is not None and run.state.name == "Late" and item not in late:
                        late.add(item)
                        log.warning("no worker has taken %s yet; it waits for one", item)
                    if run.state is None or not run.state.is_final():
                        continue
                    if run.state.is_crashed() and schedule_again(run.id):
                        continue
                    del waiting[item]
                    log.info("%s: %s", item, run.state.name)
                    if not run.state.is_completed():
                        failures[item] = run.state.message or str(run.state.name)
                if waiting:
                    time.sleep(POLL_SECONDS)
        return failures

    def handed_over(self, item: str) -> str:
        """What the run of an item has handed over."""
        wanted = ArtifactFilter(
            flow_run_id=ArtifactFilterFlowRunId(any_=[self._runs[item]]),
            key=ArtifactFilterKey(any_=[HANDOVER]),
        )
        with get_client(sync_client=True) as client:
            found = client.read_artifacts(artifact_filter=wanted)
        if not found:
            raise PipelineError(f"the worker of {item} has handed nothing over")
        newest = max(found, key=lambda one: str(one.created))
        return re.sub(r"\A```yaml\n|```\Z", "", str(newest.data))

    def abandon(self, *, crashed: bool) -> None:
        """Stop them if nobody will come back: only a deployment's run that crashed starts again."""
        if self._by_hand or not crashed:
            cancel_sub_runs(self._parent)


def hand_over(text: str) -> None:
    """Leave YAML for the parent of this run, which is on another machine."""
    create_markdown_artifact(key=HANDOVER, markdown=f"```yaml\n{text}```")


def cancel_sub_runs(parent: UUID) -> None:
    """Tell workers to stop the runs that `parent` has started."""
    with get_client(sync_client=True) as client:
        for run in _started_by(client, parent):
            if run.state is None or not run.state.is_final():
                client.set_flow_run_state(run.id, Cancelling())


def _started_by(client: SyncPrefectClient, parent: UUID) -> list[FlowRun]:
    tags = FlowRunFilter(tags=FlowRunFilterTags(all_=[_family(parent)]))
    return client.read_flow_runs(flow_run_filter=tags)


def _family(parent: UUID) -> str:
    """Tag of all runs that `parent` has started."""
    return f"of:{parent}"
