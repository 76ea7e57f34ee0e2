"""A flow run of a deployment whose process was killed goes on by itself."""

import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.logging.loggers import flow_run_logger
from prefect.states import AwaitingRetry

CRASH_RETRIES = 2
"""How often a flow run starts again after a crash."""
DELAY_SECONDS = 20.0
"""From a crash to the next start. A worker reports the crash once more when the hook has ended,
which would undo a state set by then, and one with `--limit` ends itself when it is handed a run
that it still counts among its own (Prefect 3.8.8)."""

ROOT = Path(__file__).resolve().parents[1]


def go_on_after_crash(flow: Any, flow_run: FlowRun, state: State) -> None:
    """Hook `on_crashed`: have the same run scheduled again; a worker takes it, stages resume.

    Prefect's own retries are for exceptions and die with the process. A run by hand has no worker
    that could take it. The process that does it outlives the hook.
    """
    del flow, state
    if flow_run.deployment_id is not None:
        places = os.pathsep.join([str(ROOT), str(ROOT / "src"), os.environ.get("PYTHONPATH", "")])
        subprocess.Popen(
            [sys.executable, "-m", "tasks.recovery", str(flow_run.id)],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": places},
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )


def schedule_again(flow_run_id: UUID) -> bool:
    """Let a worker take a crashed run once more; False when it has crashed too often."""
    with get_client(sync_client=True) as client:
        now = client.read_flow_run(flow_run_id)
        if now.state is None or not now.state.is_crashed():
            return True
        log = flow_run_logger(now)
        if now.run_count > CRASH_RETRIES:
            log.error("crashed for the %dth time; not tried again", now.run_count)
            return False
        log.warning("crashed (%s); scheduled again", now.state.message)
        later = datetime.now(UTC) + timedelta(seconds=DELAY_SECONDS)
        again = AwaitingRetry(scheduled_time=later, message="scheduled again after a crash")
        client.set_flow_run_state(now.id, again)
    return True


if __name__ == "__main__":
    time.sleep(DELAY_SECONDS)
    schedule_again(UUID(sys.argv[1]))
