"""What becomes of an alert: a log line, a Prefect event that automations react to, a notice."""

from collections.abc import Callable

from prefect import get_run_logger
from prefect.events import emit_event

from tasks.notices import notify
from tasks.watch import Alert

EVENT = "gptpath.training."
"""Beginning of the events' names: `gptpath.training.stalled`, `.diverged`, `.moving`."""


def alerting(*, flow_run_id: str, notify_block: str | None) -> Callable[[Alert], None]:
    """Return what to do with the alerts of one task run; call it inside of that run."""
    log = get_run_logger()

    def raise_alert(alert: Alert) -> None:
        log.warning("%s", alert.text)
        emit_event(
            EVENT + alert.kind,
            resource={
                "prefect.resource.id": f"gptpath.training.{alert.stage}",
                "prefect.resource.name": alert.stage,
                "gptpath.flow-run-id": flow_run_id,
            },
            payload=alert.payload(),
        )
        notify(alert.text, block=notify_block, alert=alert.payload(), subject="gptpath training")

    return raise_alert
