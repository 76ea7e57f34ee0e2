"""Ingest on a real Dask cluster, one worker of which is killed, gives the bytes of a local run."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gptpath.config.sections import Parallel
from gptpath.errors import ConfigError
from gptpath.events import Progress
from gptpath.text import scratch
from gptpath.text.executors import open_executor
from tests.books import tree
from tests.fault.ingest_checkout import ingest, write_checkout

pytest.importorskip("distributed")
ROOT = Path(__file__).parents[2]


class Cluster:
    """A scheduler and two workers, each a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[subprocess.Popen[bytes]] = []
        self.workers = []

    def __enter__(self):
        file = self._folder / "scheduler.json"
        self._start("scheduler", "--port", "0", "--scheduler-file", str(file))
        self.address = self._address(file)
        for name in ("one", "two"):
            options = ["--nthreads", "1", "--no-nanny", "--name", name]
            self.workers.append(self._start("worker", self.address, *options))
        return self

    def _start(self, what: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.dask_{what}", *options]
        with (self._folder / f"{what}-{len(self._processes)}.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "--host", "127.0.0.1", "--no-dashboard"],
                cwd=self._folder,
                env=os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])},
                stderr=log,
            )
        self._processes.append(process)
        return process

    def _address(self, file: Path) -> str:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                return json.loads(file.read_text())["address"]
            except (FileNotFoundError, ValueError):
                time.sleep(0.05)
        raise AssertionError("the scheduler did not start")

    def __exit__(self, *exception):
        for process in reversed(self._processes):
            process.kill()
            process.wait(timeout=10)


def test_workers_of_another_version_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(scratch, "software", lambda: {"Polars": "0.1"})
    with (
        Cluster(tmp_path) as cluster,
        pytest.raises(ConfigError, match=r"worker tcp://127\.0\.0\.1:\d+ runs .* same versions"),
        open_executor(Parallel(engine="dask", address=cluster.address)),
    ):
        pass


def outputs(root: Path) -> dict[str, bytes]:
    return {
        f"{top}/{name}": content
        for top in ("data", "metrics")
        for name, content in tree(root / top).items()
    }


@pytest.mark.slow
@pytest.mark.parametrize("what", ["units read and cleaned", "pieces scattered"])
def test_a_lost_worker_changes_no_byte(tmp_path, what):
    roots = tmp_path / "local", tmp_path / "cluster"
    for root in roots:
        write_checkout(root)
    ingest(roots[0], Parallel(workers=2), lambda event: None)
    killed: list[int] = []
    with Cluster(tmp_path) as cluster:

        def emit(event):
            if isinstance(event, Progress) and event.what == what and event.done == 3:
                cluster.workers[0].kill()
                killed.append(cluster.workers[0].wait(timeout=10))

        ingest(roots[1], Parallel(engine="dask", address=cluster.address), emit)
        assert killed == [-9]
        assert cluster.workers[1].poll() is None
    assert outputs(roots[1]) == outputs(roots[0])
