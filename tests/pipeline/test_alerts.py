"""A training that is frozen, and one that diverges: a real server, flow, trainer and automation."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.pipeline.prefect_server import Server, serving
from tests.pipeline.tiny_checkout import MODEL, make_checkout, run, set_recipe
from tests.pipeline.webhook import Webhook, listening

pytestmark = pytest.mark.slow

STAGE = f"pretrain@{MODEL}"
SECONDS = 150
SAVE_BLOCK = """
import sys
from prefect.blocks.notifications import CustomWebhookNotificationBlock
CustomWebhookNotificationBlock(
    name="ops", url=sys.argv[1], method="POST", json_data={"automation": "{{body}}"}
).save("ops")
"""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with listening() as found:
        yield found


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    home = tmp_path / "server"
    home.mkdir()
    with serving(home) as server:
        yield server


def wait_for(found: Callable[[], Any], flow: "subprocess.Popen[str] | None" = None) -> Any:
    until = time.monotonic() + SECONDS
    while not (value := found()):
        assert time.monotonic() < until, "waited in vain"
        assert flow is None or flow.poll() is None, flow and flow.communicate()
        time.sleep(0.1)
    return value


def alerts_of(got: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Alerts on the model's training that came without the automation, once it made steps.

    On a busy machine a start may be longer than the limit that the test sets.
    """
    alerts = [one["alert"] for one in got if "alert" in one and "step" in one["alert"]]
    of_model = [alert for alert in alerts if alert["stage"] == STAGE]
    return of_model[1:] if of_model and of_model[0]["kind"] == "moving" else of_model


def trainer_of(flow: "subprocess.Popen[str]") -> psutil.Process | None:
    """The process of `gptpath pretrain MODEL` below the flow."""
    for process in psutil.Process(flow.pid).children(recursive=True):
        try:
            if process.cmdline()[-3:] == ["gptpath.cli", "pretrain", MODEL]:
                return process
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return None


def tokens_read(checkout: Path) -> int:
    """Tokens that the training has noted so far, a note every few seconds."""
    notes = checkout.glob(".scratch/pretrain/*/attempts/*/*.json")
    return sum(json.loads(note.read_text(encoding="utf-8"))["tokens"] for note in notes)


def test_a_frozen_trainer_is_told_of_directly_and_by_the_automation(
    tmp_path: Path, server: Server, webhook: Webhook
) -> None:
    address, got = webhook
    checkout = make_checkout(tmp_path / "checkout")
    set_recipe(checkout, steps=10**6, log_every_steps=10)
    api = {"PREFECT_API_URL": server.api, "PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
    run(checkout, sys.executable, "-c", SAVE_BLOCK, address, **api)
    for _ in range(2):  # the second time changes what is there
        run(checkout, sys.executable, "-m", "tasks.automations", "custom-webhook/ops", **api)
    [automation] = server.ask("automations/filter", {})
    assert automation["name"] == "gptpath training alerts"
    flow = subprocess.Popen(
        [sys.executable, "flows/research_path.py"],
        cwd=checkout,
        env=os.environ
        | api
        | {
            "PYTHONPATH": str(checkout / "src"),
            "PATH": os.path.dirname(sys.executable) + os.pathsep + os.environ["PATH"],
            "GPTPATH_STALL_SECONDS": "5",
            "GPTPATH_WEBHOOK_URL": address,
            "DVC_NO_ANALYTICS": "true",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        trainer = wait_for(lambda: trainer_of(flow), flow)
        wait_for(lambda: tokens_read(checkout), flow)
        trainer.suspend()
        wait_for(lambda: alerts_of(got), flow)
        trainer.resume()
        wait_for(lambda: [one for one in alerts_of(got) if one["kind"] == "moving"], flow)
        text = alerts_of(got)[0]["text"]
        wait_for(lambda: {"automation": text} in got, flow)
    finally:
        flow.send_signal(signal.SIGTERM)
        output, _ = flow.communicate(timeout=90)
    alert, moving = alerts_of(got)[:2]
    assert (alert["kind"], alert["stage"]) == ("stalled", STAGE)
    assert alert["silent_seconds"] >= 5
    assert 0 < alert["loss"] < 10
    assert alert["step"] >= 10
    assert moving["kind"] == "moving"
    assert alert["text"] in output
    query = {"filter": {"event": {"prefix": ["gptpath.training."]}}}
    [stalled] = wait_for(  # the server writes events down every few seconds
        lambda: [
            one
            for one in server.ask("events/filter", query)["events"]
            if one["payload"]["text"] == alert["text"]
        ]
    )
    assert stalled["event"] == "gptpath.training.stalled"
    related = {one["prefect.resource.role"] for one in stalled["related"]}
    assert {"flow-run", "task-run"} <= related


def test_a_training_that_diverges_is_told_of_with_its_last_numbers(
    tmp_path: Path, webhook: Webhook
) -> None:
    address, got = webhook
    checkout = make_checkout(tmp_path / "checkout")
    set_recipe(checkout, steps=200, log_every_steps=1, learning_rate=30.0, warmup_steps=20)
    done = run(
        checkout,
        sys.executable,
        "flows/research_path.py",
        check=False,
        GPTPATH_WEBHOOK_URL=address,
    )
    alerts = alerts_of(got)
    assert alerts, done.stdout + done.stderr
    assert {alert["kind"] for alert in alerts} == {"diverged"}
    assert {alert["stage"] for alert in alerts} == {STAGE}
    assert alerts[0]["loss"] >= alerts[0]["lowest_loss"] + 1.0
    assert alerts[0]["text"] in done.stderr
