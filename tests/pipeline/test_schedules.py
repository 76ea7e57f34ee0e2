"""prefect.yaml on a real Prefect server: what is deployed with a schedule gets runs."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 120


class Server:
    """A Prefect server of its own home, whose scheduler looks every second."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as chosen:
            chosen.bind(("127.0.0.1", 0))
            port = str(chosen.getsockname()[1])
        self.api = f"http://127.0.0.1:{port}/api"
        self.environment = os.environ | {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
        }
        with (home / "server.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "server", "start", "--port", port],
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def prefect(self, *arguments: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.api}/{path}", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def wait(self) -> None:
        for _ in range(SECONDS):
            try:
                self.ask("health")
            except (urllib.error.URLError, OSError):
                time.sleep(1)
            else:
                return
        pytest.fail("the server did not start")

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(timeout=60)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@pytest.mark.slow
def test_all_is_deployed_and_the_nightly_retraining_is_scheduled(server: Server) -> None:
    server.prefect("work-pool", "create", "gptpath", "--type", "process")
    server.prefect("deploy", "--all")
    deployed = server.ask("deployments/filter", {})
    assert {one["name"] for one in deployed} == {"laptop", "nightly"}
    assert {one["global_concurrency_limit"]["limit"] for one in deployed} == {1}
    [nightly] = [one["id"] for one in deployed if one["name"] == "nightly"]
    query = {"deployments": {"id": {"any_": [nightly]}}, "limit": 5}
    runs: list[dict[str, Any]] = []
    until = time.monotonic() + SECONDS
    while not runs and time.monotonic() < until:
        time.sleep(1)
        runs = server.ask("flow_runs/filter", query)
    assert {run["state_type"] for run in runs} == {"SCHEDULED"}
    assert all("T03:00:00" in run["expected_start_time"] for run in runs)
