"""A flow run of a deployment whose process was killed goes on by itself."""

from typing import Any

from prefect import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import flow_run_logger
from prefect.states import AwaitingRetry

CRASH_RETRIES = 2
"""How often a flow run starts again after a crash."""


def go_on_after_crash(flow: Any, flow_run: FlowRun, state: State) -> None:
    """Hook `on_crashed`: schedule the same run again; a worker takes it, stages resume.

    Prefect's own retries are for exceptions and die with the process. A run by hand has no worker
    that could take it.
    """
    del flow
    if flow_run.deployment_id is not None:
        schedule_again(flow_run, state)


def schedule_again(flow_run: FlowRun, state: State) -> bool:
    """Let a worker take a crashed run once more; False when it has crashed too often."""
    with get_client(sync_client=True) as client:
        now = client.read_flow_run(flow_run.id)
        log = flow_run_logger(now)
        if now.run_count > CRASH_RETRIES:
            log.error("crashed for the %dth time; not tried again", now.run_count)
            return False
        log.warning("crashed (%s); scheduled again", state.message)
        client.set_flow_run_state(now.id, AwaitingRetry(message="scheduled again after a crash"))
    return True
