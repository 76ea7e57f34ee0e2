"""The Prefect automation for training alerts: `python -m tasks.automations TYPE/NAME`.

With it the server itself tells a notification block of stalled and diverged trainings, those of
all flows and workers. Calling it again changes the automation to the new block.
"""

import sys

from prefect.automations import Automation, EventTrigger, Posture, SendNotification
from prefect.blocks.core import Block

from tasks.alerts import EVENT

NAME = "gptpath training alerts"


def alert_automation(block: str) -> Automation:
    """The automation that tells a saved notification block, `TYPE/NAME`, of both alerts."""
    document = Block.load(block)._block_document_id  # type: ignore[union-attr]  # nothing public
    assert document is not None, "a loaded block has been saved"
    return Automation(
        name=NAME,
        description="Tells of trainings that tell of nothing, or whose loss jumps or is no number.",
        trigger=EventTrigger(
            expect={EVENT + "stalled", EVENT + "diverged"},
            match={"prefect.resource.id": "gptpath.training.*"},  # type: ignore[arg-type]
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[
            SendNotification(
                block_document_id=document,
                subject="gptpath training",
                body="{{ event.payload.text }}",
            )
        ],
    )


def put(automation: Automation) -> None:
    """Create the automation on the server, or give an existing one of its name the new facts."""
    try:
        known = Automation.read(name=automation.name)  # type: ignore[call-overload]
    except ValueError:
        automation.create()
        return
    automation.id = known.id  # type: ignore[union-attr]
    automation.update()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give a notification block of the Prefect server, e.g. slack-webhook/ops")
    put(alert_automation(sys.argv[1]))
    sys.stdout.write(f"the automation {NAME!r} tells {sys.argv[1]}\n")
