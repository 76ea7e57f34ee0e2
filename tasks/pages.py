"""`make ui` and `make server`: the MLflow and Prefect pages of this checkout, on this machine only.

python -m tasks.pages              both pages, until interrupted
python -m tasks.pages --server     also the pools that deployments and workers use
python -m tasks.pages --worker     also the deployments of prefect.yaml, and a worker for them
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

from ruamel.yaml import YAML

from gptpath.errors import PipelineError
from gptpath.tracking.store import ENVIRONMENT, tracking_uri

ROOT = Path(__file__).resolve().parents[1]
HOST = "127.0.0.1"
MLFLOW_PORT = os.environ.get("GPTPATH_MLFLOW_PORT", "5000")
PREFECT_PORT = os.environ.get("GPTPATH_PREFECT_PORT", "4200")
PREFECT_API = "PREFECT_API_URL"
START_SECONDS = 120
"""A first start on an empty home migrates Prefect's database."""
POOL = "gptpath"
PROGRAM = (sys.executable, "-m")
PREFECT = (*PROGRAM, "prefect", "--no-prompt")
MLFLOW_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
"""The second spares seven processes (1.5 GB) for judging the answers of applications."""


def addresses() -> dict[str, str]:
    """Where clients find both servers, by the environment variable that tells them.

    A server that the environment names already is used as it is.
    """
    mlflow = tracking_uri(ROOT)
    own = mlflow if mlflow.startswith("http") else f"http://{HOST}:{MLFLOW_PORT}"
    prefect = os.environ.get(PREFECT_API) or f"http://{HOST}:{PREFECT_PORT}/api"
    return {ENVIRONMENT: own, PREFECT_API: prefect}


def commands() -> dict[str, list[str]]:
    """The servers to start, by what they are; bound to the loopback interface."""
    started: dict[str, list[str]] = {}
    if not tracking_uri(ROOT).startswith("http"):
        started["MLflow"] = [
            *PROGRAM,
            "mlflow",
            "server",
            f"--backend-store-uri={tracking_uri(ROOT)}",
            f"--artifacts-destination={ROOT / 'mlartifacts'}",
            f"--host={HOST}",
            f"--port={MLFLOW_PORT}",
            "--workers=1",
        ]
    if not os.environ.get(PREFECT_API):
        started["Prefect"] = [
            *PROGRAM,
            "prefect",
            "server",
            "start",
            f"--host={HOST}",
            f"--port={PREFECT_PORT}",
        ]
    return started


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all until one ends or the reader interrupts; returns the exit code."""
    options = _parser().parse_args(arguments)
    # SIGINT too: in the background of a script it is ignored, by the worker as well, which then
    # would not end (deploy/model-worker).
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    settings = MLFLOW_SETTINGS | dict(os.environ)
    processes = [
        subprocess.Popen(command, cwd=ROOT, env=settings) for command in commands().values()
    ]
    try:
        _say([f"{name.split('_')[0]:<8} {page(at)}" for name, at in addresses().items()])
        if options.server or options.worker:
            wait_for(f"{addresses()[PREFECT_API]}/health", processes)
            processes += _workplace(with_worker=options.worker)
        _say(["Interrupt (Ctrl-C) ends all of it."])
        while all(process.poll() is None for process in processes):
            time.sleep(0.5)
        return max((process.poll() or 0 for process in processes), default=0)
    except PipelineError as error:
        _say([str(error)])
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait()


def page(address: str) -> str:
    """The page that a browser shows, of a client's address; without a password in it."""
    return re.sub(r"//[^/@]*@", "//", address.removesuffix("/api"))


def wait_for(health: str, processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Wait until a server answers; PipelineError if it ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(health, timeout=5).close()
            return
        except OSError as error:
            if any(process.poll() is not None for process in processes):
                raise PipelineError(
                    "a server ended at once, see above; is its port taken? "
                    "GPTPATH_PREFECT_PORT and GPTPATH_MLFLOW_PORT choose others"
                ) from None
            if time.monotonic() > deadline:
                raise PipelineError(f"{health} does not answer: {error}") from None
        time.sleep(0.5)


def _workplace(*, with_worker: bool) -> "list[subprocess.Popen[bytes]]":
    """Make the pools and tell how to reach the servers; deploy and start a worker if asked."""
    clients = os.environ | addresses()
    there = json.loads(_prefect(clients, "work-pool", "ls", "--output", "json") or "[]")
    for pool in sorted(pools() - {one["name"] for one in there}):
        _prefect(clients, "work-pool", "create", pool, "--type", "process")
    _say(["", *(f"export {name}={at}" for name, at in addresses().items()), ""])
    if not with_worker:
        _say([f"prefect deploy --all && prefect worker start --pool {POOL} --limit 1"])
        return []
    _prefect(clients, "deploy", "--all")
    worker = ("worker", "start", "--pool", POOL, "--limit", "1")
    return [subprocess.Popen([*PREFECT, *worker], cwd=ROOT, env=clients)]


def pools() -> set[str]:
    """Work pools that the deployments of prefect.yaml name."""
    content = YAML(typ="safe").load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    return {one["work_pool"]["name"] for one in content["deployments"]}


def _prefect(clients: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [*PREFECT, *arguments], cwd=ROOT, env=clients, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise PipelineError(f"`prefect {' '.join(arguments)}` failed: {done.stdout}{done.stderr}")
    return done.stdout


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tasks.pages")
    parser.add_argument("--server", action="store_true", help="make the pool for workers")
    parser.add_argument("--worker", action="store_true", help="deploy, and start a worker")
    return parser


def _say(lines: Sequence[str]) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
