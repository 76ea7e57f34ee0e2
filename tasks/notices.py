"""Telling people how a retraining ended; that nobody could be told never fails the run."""

import json
import os
import urllib.request
from collections.abc import Sequence
from dataclasses import asdict

from prefect import get_run_logger
from prefect.blocks.core import Block

from tasks.challengers import GateVerdict

WEBHOOK = "GPTPATH_WEBHOOK_URL"
"""Environment variable: where to POST the notice as JSON; `text` is what Slack shows."""
TIMEOUT_SECONDS = 10.0


def notify(text: str, verdicts: Sequence[GateVerdict] = (), *, block: str | None = None) -> bool:
    """Send a notice through a Prefect block and to the webhook; returns whether all took it.

    `block` is a notification block of the Prefect server by type and name: `slack-webhook/ops`.
    """
    done = True
    for target, send in (
        (block, _through_block),
        (os.environ.get(WEBHOOK), _to_webhook),
    ):
        if not target:
            continue
        try:
            send(target, text, verdicts)
        except Exception as error:  # whatever a server or a plug-in may raise
            get_run_logger().warning("the notice could not be sent: %s", error)
            done = False
    return done


def _through_block(name: str, text: str, verdicts: Sequence[GateVerdict]) -> None:
    del verdicts
    block = Block.load(name)
    block.notify(text, subject="gptpath retraining")  # type: ignore[union-attr]


def _to_webhook(address: str, text: str, verdicts: Sequence[GateVerdict]) -> None:
    body = {"text": text, "decisions": [asdict(verdict) for verdict in verdicts]}
    request = urllib.request.Request(
        address, json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
        answer.read()
