"""Telling people what a run came to or met; that nobody could be told never fails the run."""

import json
import os
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from prefect import get_run_logger
from prefect.blocks.core import Block

if TYPE_CHECKING:
    from tasks.challengers import GateVerdict

WEBHOOK = "GPTPATH_WEBHOOK_URL"
"""Environment variable: where to POST the notice as JSON; `text` is what Slack shows."""
TIMEOUT_SECONDS = 10.0


def notify(
    text: str,
    verdicts: "Sequence[GateVerdict]" = (),
    *,
    block: str | None = None,
    alert: Mapping[str, Any] | None = None,
    subject: str = "gptpath retraining",
) -> bool:
    """Send a notice through a Prefect block and to the webhook; returns whether all took it.

    `block` is a notification block of the Prefect server by type and name: `slack-webhook/ops`;
    it gets text and subject. The webhook gets text, decisions and, where there is one, the alert.
    """
    decisions = [asdict(verdict) for verdict in verdicts]
    body: dict[str, Any] = {"text": text, "decisions": decisions}
    if alert is not None:
        body["alert"] = dict(alert)
    ways: tuple[tuple[str | None, Callable[[str], None]], ...] = (
        (block, lambda name: _through_block(name, text, subject)),
        (os.environ.get(WEBHOOK), lambda address: _to_webhook(address, body)),
    )
    done = True
    for target, send in ways:
        if not target:
            continue
        try:
            send(target)
        except Exception as error:  # whatever a server or a plug-in may raise
            get_run_logger().warning("the notice could not be sent: %s", error)
            done = False
    return done


def _through_block(name: str, text: str, subject: str) -> None:
    block = Block.load(name)
    block.notify(text, subject=subject)  # type: ignore[union-attr]


def _to_webhook(address: str, body: Mapping[str, Any]) -> None:
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        answer.read()
