"""Somebody's checkout that works with a team's servers: commands, both servers' APIs, a worker."""

import base64
import json
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.pipeline.prefect_server import wait_until
from tests.pipeline.tiny_checkout import environment, run
from tests.team_servers import Team

WORKER_SECONDS = 240
ENDED = ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


@dataclass(frozen=True)
class Machine:
    """Somebody's checkout and the servers that they use."""

    root: Path
    team: Team

    def run(self, *command: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the checkout; it must succeed. `more` joins its environment."""
        return run(self.root, *command, **self.team.environment, **more)

    def whole(self) -> dict[str, str]:
        return environment(self.root) | self.team.environment

    def prefect(self, *arguments: str) -> str:
        return self.run(sys.executable, "-m", "prefect", "--no-prompt", *arguments).stdout

    def prefect_api(self, path: str, body: Any = None) -> Any:
        user = self.team.environment["PREFECT_API_AUTH_STRING"].encode()
        headers = {"Authorization": "Basic " + base64.b64encode(user).decode()}
        return ask(f"{self.team.prefect.address}/api/{path}", body, **headers)

    def deploy_all(self) -> None:
        """Make the pools of processes, and the deployments of prefect.yaml."""
        for pool in ("gptpath", "gptpath-models"):
            self.prefect("work-pool", "create", pool, "--type", "process")
        self.prefect("deploy", "--all")

    def trigger(self, deployment: str) -> str:
        """Start a run of `FLOW/DEPLOYMENT` through the API; returns its id."""
        found = self.prefect_api(f"deployments/name/{deployment}")
        return self.prefect_api(f"deployments/{found['id']}/create_flow_run", {})["id"]

    def runs(self, deployment: str) -> list[dict[str, Any]]:
        """All runs of a deployment, the first started first."""
        found = self.prefect_api(f"deployments/name/{deployment}")
        query = {"deployments": {"id": {"any_": [found["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}
        return self.prefect_api("flow_runs/filter", query)

    def end_of(self, flow_run: str) -> str:
        """Wait until a flow run is over; returns the type of its state."""

        def state() -> str:
            return self.prefect_api(f"flow_runs/{flow_run}")["state_type"]

        wait_until(lambda: state() in ENDED, WORKER_SECONDS)
        return state()

    @property
    def worker_log(self) -> str:
        """What the worker and its flow runs have said."""
        return (self.root / ".prefect" / "worker.log").read_text()

    @contextmanager
    def working(self, pool: str) -> Iterator[None]:
        """A worker of the pool, as long as the block lasts."""
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool]
        with (self.root / ".prefect" / "worker.log").open("a") as log:
            worker = subprocess.Popen(
                [*command, "--limit", "1"], cwd=self.root, env=self.whole(), stdout=log, stderr=log
            )
        try:
            yield
        finally:
            worker.terminate()
            worker.wait(timeout=60)

    def mlflow(self, path: str, **query: Any) -> Any:
        return ask(f"{self.team.mlflow.address}/api/2.0/mlflow/{path}", query)


def ask(address: str, body: Any = None, **headers: str) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json", **headers})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def status_of(address: str, **headers: str) -> int:
    request = urllib.request.Request(address, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code
