"""MLflow's own pages of a registry of ours, in a real browser: what a person finds there."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gptpath.events import ModelFinished, StepFinished
from gptpath.gate.decision import Check, Decision
from gptpath.tracking.decisions import Origin, carry_out, side_of
from gptpath.tracking.mlflow_run import open_run
from gptpath.tracking.store import open_client
from tests.pipeline.browser import WIDTHS, browsing, hosts_asked_by, picture
from tests.pipeline.tiny_registry import FACTS, make_registry

pytest.importorskip("playwright.sync_api")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning"),
]
MODEL = "gptpath-tiny"
RUNS = "/experiments/1/runs?workflowType=machine_learning"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A registry whose model has been trained for some steps, and promoted."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        root = make_registry(tmp_path_factory.mktemp("pages"))
        run = open_run(root, FACTS, parent=None, flow_run=None)
        for step in range(1, 30):
            run.record(
                StepFinished(
                    step=step,
                    total_steps=30,
                    tokens=step * 64,
                    loss=5.0 / step,
                    learning_rate=1e-3,
                    grad_norm=1.0,
                    tokens_per_second=1e3,
                    seconds_left=1.0,
                )
            )
        folder = root / "models" / "tiny"
        run.register(ModelFinished(name="tiny", path=folder, kind="language-model", metrics={}), {})
        run.finish("FINISHED", {"loss": 0.2})
        client = open_client(root)
        challenger = client.get_model_version(MODEL, "1")
        decision = Decision(
            model=MODEL,
            verdict="promote",
            reasons=("first champion: all checks passed",),
            champion=None,
            challenger=side_of(challenger),
            checks=(Check(name="finite weights", passed=True, note="all of them"),),
            git_commit="c" * 40,
        )
        carry_out(client, root, decision, Origin(profile="laptop"))
        yield root


@pytest.fixture(scope="module")
def address(root: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = (root / "server.log").open("w")
    server = subprocess.Popen(
        [
            *(sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port)),
            *("--workers", "1", "--backend-store-uri", f"sqlite:///{root / 'mlflow.db'}"),
        ],
        cwd=root,
        env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    until = time.monotonic() + 150
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close()
                break
            except OSError:
                assert server.poll() is None, (root / "server.log").read_text()
                assert time.monotonic() < until, "MLflow did not come up"
                time.sleep(0.5)
        yield f"http://127.0.0.1:{port}/#"
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait()
        log.close()


def make_room(page: Any, width: int) -> None:
    """On a narrow window, what a person must do first: fold MLflow's two panels away."""
    if width < 800:
        page.locator("button[aria-label*='idebar']").first.click()
        page.get_by_label("Close", exact=True).first.click()


@pytest.mark.parametrize("width", WIDTHS)
def test_a_version_shows_its_card_with_the_decision_first_and_its_aliases(
    address: str, width: int
) -> None:
    with browsing(width) as page:
        hosts = hosts_asked_by(page)
        page.goto(f"{address}/models/{MODEL}/versions/1")
        decision = page.get_by_text("first champion: all checks passed").first
        decision.wait_for()
        make_room(page, width)
        picture(page, "version")
        text, place = page.locator("body").inner_text(), decision.bounding_box()
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= width
    assert "Continues English text" in text
    assert text.index("Continues English text") < text.index("first champion")
    assert {"champion", "challenger"} <= set(text.split())
    assert hosts == {"127.0.0.1"}


@pytest.mark.parametrize("width", WIDTHS)
def test_the_list_of_models_says_what_each_is_for(address: str, width: int) -> None:
    with browsing(width) as page:
        page.goto(f"{address}/models")
        page.get_by_text("gptpath-classification").first.wait_for()
        page.get_by_label("Close", exact=True).last.click()  # news of MLflow's
        make_room(page, width)
        picture(page, "models")
        text = page.locator("body").inner_text()
    assert MODEL in text
    assert "language-model" in text
    assert "classifier" in text


@pytest.mark.parametrize("width", WIDTHS)
def test_the_runs_of_an_experiment_lead_to_the_decision(address: str, width: int) -> None:
    with browsing(width) as page:
        page.goto(f"{address}{RUNS}")
        page.get_by_text("pretrain@tiny").first.wait_for()
        make_room(page, width)
        picture(page, "runs")
        page.get_by_text("gate@tiny").first.click()
        page.get_by_text("first champion: all checks passed").first.wait_for()
        picture(page, "gate")


def test_a_run_shows_its_curves(address: str) -> None:
    with browsing(1280) as page:  # on a telephone MLflow shows none
        page.goto(f"{address}{RUNS}")
        page.get_by_text("pretrain@tiny").first.click()
        page.get_by_text("Model metrics").first.click()
        page.get_by_text("train/loss").first.wait_for()
        picture(page, "curves")
