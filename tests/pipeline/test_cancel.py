"""Stopping the flow stops DVC and the trainers, whatever the signal."""

import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tasks.temporary_server import SERVER
from tests.pipeline.small_project import environment, flow_command, make_project

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("cancel"))
    (project / "raw.txt").write_text("endless\n")
    return project


def start_until_training(project: Path) -> tuple[subprocess.Popen[bytes], list[psutil.Process]]:
    """Start the flow; returns it and all its descendants once both trainings run."""
    for path in project.glob("*.pid"):
        path.unlink()
    with (project / "flow.log").open("w") as log:
        flow = subprocess.Popen(
            flow_command(),
            cwd=project,
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            # A shell starts background jobs, and so tests among them, with SIGINT ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    deadline = time.monotonic() + 150
    while len(list(project.glob("*.pid"))) < 2:
        assert flow.poll() is None, (project / "flow.log").read_text()
        assert time.monotonic() < deadline, (project / "flow.log").read_text()
        time.sleep(0.1)
    return flow, psutil.Process(flow.pid).children(recursive=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_cancelled_flow_leaves_no_process_behind(project: Path, number: signal.Signals) -> None:
    flow, family = start_until_training(project)
    assert len(family) >= 4, "two times DVC and a trainer"
    flow.send_signal(number)
    assert flow.wait(60) == 130
    _, alive = psutil.wait_procs(family, timeout=5)
    assert alive == []
    assert "Run again to go on" in (project / "flow.log").read_text()
    with sqlite3.connect(project / "mlflow.db") as database:
        rows = database.execute(
            "SELECT name, status FROM runs WHERE name NOT LIKE 'ingest' ORDER BY start_time DESC"
        ).fetchmany(3)
    database.close()
    assert {status for _, status in rows} == {"KILLED"}, rows


def test_nothing_is_left_when_the_flow_is_killed_outright(project: Path) -> None:
    flow, family = start_until_training(project)
    assert any(SERVER in process.cmdline() for process in family), "Prefect's temporary server"
    flow.kill()
    flow.wait()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []


def test_a_killed_trainer_is_started_again_by_itself(project: Path) -> None:
    flow, _ = start_until_training(project)
    note = project / "gpt2-laptop-s.pid"
    first = int(note.read_text())
    try:
        psutil.Process(first).kill()
        deadline = time.monotonic() + 90
        while int(note.read_text() or first) == first:
            assert flow.poll() is None, (project / "flow.log").read_text()
            assert time.monotonic() < deadline, (project / "flow.log").read_text()
            time.sleep(0.1)
    finally:
        flow.terminate()
        flow.wait(60)
