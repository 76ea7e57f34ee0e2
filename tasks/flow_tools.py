"""What a flow run opens for its tasks, and what becomes of it however the run ends."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from prefect.runtime import flow_run

from gptpath.errors import GptPathError
from gptpath.tracking.flow_record import open_flow_record
from gptpath.tracking.recorder import Status
from tasks.children import Children
from tasks.places import Places
from tasks.records import FlowTools


@contextmanager
def flow_tools(
    root: Path, profile: str, *, flow: str, places: int, notify_block: str | None = None
) -> Generator[FlowTools]:
    """Open the MLflow run of this flow run and all that its tasks share.

    At the end no child process is left. The MLflow run has failed after a GptPathError, and was
    killed after anything else that ended the flow early: a signal, or a fault of this program.
    """
    record = open_flow_record(
        root,
        profile,
        flow=flow,
        flow_run_id=str(flow_run.id),
        flow_run_name=str(flow_run.name),
    )
    children = Children()
    status: Status = "FAILED"
    try:
        yield FlowTools(
            places=Places(places),
            children=children,
            record=record,
            flow_run_id=str(flow_run.id),
            notify_block=notify_block,
        )
        status = "FINISHED"
    except GptPathError:
        raise
    except BaseException:
        status = "KILLED"
        raise
    finally:
        children.stop()
        record.finish(status)
