"""A search for duplicates broken off goes on where it was and comes to the same bytes."""

import os
import random
import signal
import subprocess
import sys
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from gptpath.config.duplicates import Duplicates
from gptpath.events import ignore
from gptpath.text.duplicates.near_duplicates import find_duplicates
from tests.unit.text.planted import edited, random_texts, write_shards

SCRIPT = Path(__file__).with_name("duplicates_run.py")
SHARDS = 6


class Breaking(Executor):
    """Runs so many jobs at once and in order, then fails."""

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs
        self.done: list[object] = []

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        if len(self.done) >= self.jobs:
            future.set_exception(InterruptedError("pulled the plug"))
        else:
            future.set_result(fn(*args, **kwargs))
            self.done.append(args)
        return future


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    rng = random.Random(0)
    texts = random_texts(120, words=200, seed=1)
    copies = [edited(text, rng.choice([0.005, 0.04]), rng, ["new"]) for text in texts[::2]]
    documents = {f"{n:04d}": text for n, text in enumerate(texts + copies)}
    return write_shards(tmp_path_factory.mktemp("input"), documents, shards=SHARDS)


@pytest.fixture(scope="module")
def unbroken(shards, tmp_path_factory):
    """Decisions of a run never broken off, and how many jobs it took."""
    executor = Breaking(10_000)
    folder = tmp_path_factory.mktemp("unbroken")
    path = find_duplicates(shards, folder, Duplicates(), executor, ignore)
    return path.read_bytes(), len(executor.done)


def written(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.npy")}


@pytest.mark.parametrize("share", [0.0, 0.04, 0.5, 0.9])
def test_what_was_done_before_an_interruption_is_not_done_again(shards, unbroken, tmp_path, share):
    expected, jobs = unbroken
    first = Breaking(round(share * jobs))
    with pytest.raises(InterruptedError):
        find_duplicates(shards, tmp_path, Duplicates(), first, ignore)
    before = written(tmp_path)
    assert len([path for path in before if "keys" in path.name]) == min(len(first.done), SHARDS)
    second = Breaking(10_000)
    path = find_duplicates(shards, tmp_path, Duplicates(), second, ignore)
    assert path.read_bytes() == expected
    assert before.items() <= written(tmp_path).items()
    # Of the band that was being verified, the parts are measured once more.
    assert len(first.done) + len(second.done) <= jobs + 1


def test_a_finished_search_is_not_repeated(shards, unbroken, tmp_path):
    with ThreadPoolExecutor(2) as executor:
        find_duplicates(shards, tmp_path, Duplicates(), executor, ignore)
    path = find_duplicates(shards, tmp_path, Duplicates(), Breaking(0), ignore)
    assert path.read_bytes() == unbroken[0]


@pytest.mark.parametrize("moment", ["done=2, total=6, what='shards signed'", "done=20", "again"])
def test_a_search_killed_outright_comes_to_the_same_bytes(shards, unbroken, tmp_path, moment):
    command = [sys.executable, SCRIPT, shards[0].parent, tmp_path]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )
    assert process.stdout is not None
    with process.stdout as lines:
        assert any(moment in line for line in lines)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(timeout=30) == -signal.SIGKILL
    before = {path: time for path, time in written(tmp_path).items() if "keys" in path.name}
    assert len(before) >= 2
    subprocess.run(command, check=True, timeout=120, env=environment, capture_output=True)
    [path] = tmp_path.rglob("decisions.parquet")
    assert path.read_bytes() == unbroken[0]
    assert before.items() <= written(tmp_path).items()
