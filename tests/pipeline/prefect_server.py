"""A Prefect server of its own, and workers, as real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SECONDS = 300
ANSWER_SECONDS = 150
"""Prefect's server lets a request wait 60 s for SQLite's lock, and others wait behind that one."""


class Server:
    """A Prefect server of its own home, whose scheduler looks every second."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as chosen:
            chosen.bind(("127.0.0.1", 0))
            port = str(chosen.getsockname()[1])
        self.home = home
        self.api = f"http://127.0.0.1:{port}/api"
        self.settings = {
            "PREFECT_HOME": str(home),
            "PREFECT_API_URL": self.api,
            "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }
        self.environment = os.environ | self.settings
        with (home / "server.log").open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "prefect", "server", "start", "--port", port],
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def prefect(self, *arguments: str, cwd: Path = ROOT, **more: str) -> str:
        """Run the `prefect` command against this server; returns what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "prefect", "--no-prompt", *arguments],
            cwd=cwd,
            env=self.environment | more,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Call the server's REST interface: GET, or POST where there is a body."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.api}/{path}", data, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS) as answer:
            return json.load(answer)

    def make_pool(self, name: str) -> None:
        """Make a work pool of processes."""
        known = self.ask("collections/views/aggregate-worker-metadata")["prefect"]["process"]
        template = known["default_base_job_configuration"]
        # Without a template each worker would write one, and SQLite lets but one of them.
        self.ask("work_pools/", {"name": name, "type": "process", "base_job_template": template})

    def start_run(self, deployment: str, **parameters: Any) -> str:
        """Start a run of `FLOW/DEPLOYMENT`; returns its id."""
        found = self.ask(f"deployments/name/{deployment}")
        body = {"parameters": parameters, "state": {"type": "SCHEDULED"}}
        return self.ask(f"deployments/{found['id']}/create_flow_run", body)["id"]

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """All runs of a deployment, by name."""
        found = self.ask(f"deployments/name/{deployment}")
        query = {"deployments": {"id": {"any_": [found["id"]]}}}
        return sorted(self.ask("flow_runs/filter", query), key=lambda run: run["name"])

    def log(self, run: str) -> str:
        """The log of a flow run, so far."""
        query = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_ASC"}
        return "\n".join(line["message"] for line in self.ask("logs/filter", query))

    def wait_for_end(self, run: str, seconds: float = 600) -> str:
        """Wait until a flow run is over; returns the type of its state."""
        final = ("COMPLETED", "FAILED", "CANCELLED", "CRASHED")
        wait_until(lambda: self.ask(f"flow_runs/{run}")["state_type"] in final, seconds)
        return self.ask(f"flow_runs/{run}")["state_type"]

    def wait(self) -> None:
        """Wait until the server answers."""
        wait_until(self._answers, SECONDS)

    def stop(self) -> None:
        """End it."""
        self._process.terminate()
        self._process.wait(timeout=60)

    def _answers(self) -> bool:
        try:
            self.ask("health")
        except (urllib.error.URLError, OSError):
            return False
        return True


@contextmanager
def serving(home: Path) -> Iterator[Server]:
    """A server while the context lasts."""
    server = Server(home)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


@contextmanager
def working(server: Server, command: list[str], cwd: Path, **more: str) -> Iterator[Path]:
    """A worker while the context lasts; gives the file of its log."""
    log = server.home / f"worker-{cwd.name}.log"
    with log.open("a") as out:
        process = subprocess.Popen(
            command, cwd=cwd, env=server.environment | more, stdout=out, stderr=out
        )
    try:
        yield log
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(holds: Callable[[], Any], seconds: float) -> None:
    """Wait for a condition, or fail the test."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            pytest.fail(f"still not so after {seconds} s: {holds}")
        time.sleep(0.3)
