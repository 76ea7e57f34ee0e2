"""Ingest killed anywhere goes on where it was and ends with the same bytes: real processes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from tests.books import tree
from tests.fault.ingest_checkout import write_checkout

SCRIPT = Path(__file__).with_name("ingest_checkout.py")
ROOT = Path(__file__).parents[2]


def start(root: Path, *kill_at: str) -> subprocess.CompletedProcess[str]:
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, SCRIPT, root, *kill_at],
        env=os.environ | {"PYTHONPATH": paths, "GPTPATH_TEST_ROOT": str(root)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def outputs(root: Path) -> dict[str, bytes]:
    return {
        f"{top}/{name}": content
        for top in ("data", "metrics")
        for name, content in tree(root / top).items()
    }


@pytest.fixture(scope="module")
def checkout(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("checkout")
    write_checkout(root)
    return root


@pytest.fixture(scope="module")
def unbroken(checkout) -> dict[str, bytes]:
    root = copy_of(checkout, "unbroken")
    done = start(root)
    assert done.returncode == 0, done.stderr
    return outputs(root)


def copy_of(checkout: Path, name: str) -> Path:
    return Path(shutil.copytree(checkout, checkout.with_name(f"{checkout.name}-{name}")))


def finished(root: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of everything that is complete in the scratch folder."""
    [scratch] = (path for path in (root / ".scratch" / "ingest").iterdir() if path.is_dir())
    units = {path.stem for path in (scratch / "clean").glob("*.json")}
    files = [path for path in (scratch / "clean").iterdir() if path.name[:5] in units]
    files += [*scratch.glob("scattered/*.slices"), *scratch.glob("corpus/*/*.parquet")]
    return {str(p.relative_to(root)): (p.stat().st_ino, p.stat().st_mtime_ns) for p in files}


def kill(root: Path, what: str, done: int) -> None:
    killed = start(root, what, str(done))
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (root / "data" / "corpus").exists()


@pytest.mark.slow
def test_a_run_killed_in_every_phase_redoes_nothing_and_ends_with_the_same_bytes(
    checkout, unbroken
):
    root = copy_of(checkout, "killed")
    kill(root, "units read and cleaned", 5)
    first = finished(root)
    assert len([name for name in first if name.endswith(".json")]) >= 5
    kill(root, "pieces scattered", 4)
    second = finished(root)
    assert len([name for name in second if name.endswith(".slices")]) >= 4
    assert first.items() <= second.items()
    kill(root, "shards written", 2)
    third = finished(root)
    assert second.items() <= third.items()
    kill(root, "tasks", 1)
    assert third.items() <= finished(root).items()
    done = start(root)
    assert done.returncode == 0, done.stderr
    assert outputs(root) == unbroken
    assert [path.name for path in (root / ".scratch" / "ingest").iterdir()] == ["lock"]


def test_no_worker_outlives_a_killed_run(checkout):
    root = copy_of(checkout, "orphans")
    kill(root, "units read and cleaned", 1)
    deadline = time.monotonic() + 10
    while workers_of(root) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not workers_of(root)


def workers_of(root: Path) -> list[int]:
    """Processes that still have the environment of the run in `root`."""
    return [
        process.pid
        for process in psutil.process_iter(["environ"])
        if (process.info["environ"] or {}).get("GPTPATH_TEST_ROOT") == str(root)
    ]


def test_state_of_other_parameters_is_not_taken_up(checkout, unbroken):
    root = copy_of(checkout, "changed")
    kill(root, "pieces scattered", 4)
    book = root / "raw" / "00" / "book000.txt"
    text = book.read_text()
    book.write_text(text.replace("The", "Then", 1))
    changed = start(root)
    assert changed.returncode == 0, changed.stderr
    found = outputs(root)
    assert found.keys() == unbroken.keys()
    assert found != unbroken
