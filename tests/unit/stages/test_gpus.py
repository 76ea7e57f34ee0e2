"""GPUs of a host go to one stage at a time. The boards are made up: the locks are real."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.config.launch import Launch
from gptpath.config.loading import load_params
from gptpath.stages import gpus
from gptpath.stages.gpus import gpus_needed, reserved_gpus, usable_gpus
from gptpath.train.nvml import Board

ROOT = Path(__file__).parents[3]
HOLDER = """
import os, sys, time
from gptpath.stages.gpus import reserved_gpus

with reserved_gpus(int(sys.argv[1]), poll_seconds=0.02) as taken:
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ",".join(taken)
    print(*taken, flush=True)
    sys.stdin.readline() if sys.argv[2] == "wait" else time.sleep(0.05)
    print("done", flush=True)
"""


@pytest.fixture(autouse=True)
def _made_up_boards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GPTPATH_GPU_LOCKS", str(tmp_path / "locks"))
    monkeypatch.setenv("GPTPATH_GPUS", "0,1,2")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def holder(count: int, until: str = "wait") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(count), until],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def board(uuid: str, *, split: bool = False) -> Board:
    return Board(uuid=uuid, joules=None, split=split)


def said(process: subprocess.Popen[str]) -> set[str]:
    assert process.stdout is not None
    return set(process.stdout.readline().split())


@pytest.fixture
def two() -> Iterator[tuple[subprocess.Popen[str], subprocess.Popen[str]]]:
    processes = holder(1), holder(1)
    yield processes
    for process in processes:
        process.communicate(timeout=20)


def test_two_processes_get_two_boards(two) -> None:
    assert len(said(two[0]) | said(two[1])) == 2


def test_the_third_board_is_left_and_two_have_to_wait(two) -> None:
    before = said(two[0]) | said(two[1])
    with reserved_gpus(1) as taken:
        assert {*taken, *before} == {"0", "1", "2"}
    waiting = holder(2, "short")
    time.sleep(0.3)
    assert waiting.poll() is None
    two[0].kill()  # however it dies, its board is free
    assert len(said(waiting)) == 2
    waiting.communicate(timeout=20)


def test_many_that_want_several_never_share_and_all_come_through() -> None:
    processes = [holder(1 + number % 3, "short") for number in range(7)]
    for process in processes:
        out, _ = process.communicate(timeout=60)
        assert out.endswith("done\n")


def test_other_users_of_the_host_can_lock_boards_too(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        with reserved_gpus(1):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "locks").stat().st_mode) == 0o1777


def test_more_than_there_are_is_all_there_are() -> None:
    with reserved_gpus(8) as taken:
        assert taken == ("0", "1", "2")


def test_the_environment_is_as_before_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    with reserved_gpus(1):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"


def test_an_interrupt_while_waiting_leaves_nothing_locked(two) -> None:
    with reserved_gpus(1):
        assert len(said(two[0]) | said(two[1])) == 2
        third = holder(1)
        time.sleep(0.5)
        third.send_signal(signal.SIGINT)
        assert third.wait(20) != 0
        third.communicate()
    with reserved_gpus(1, poll_seconds=0.02) as taken:
        assert len(taken) == 1


def test_without_boards_nothing_is_locked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("GPTPATH_GPUS")
    monkeypatch.setattr(gpus, "boards", list)
    with reserved_gpus(1) as taken:
        assert taken == ()
    assert not (tmp_path / "locks").exists()


@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        (None, {"GPU-a": "GPU-a", "GPU-b": "GPU-b"}),
        ("1", {"1": "GPU-b"}),
        ("GPU-b, MIG-c", {"GPU-b": "GPU-b", "MIG-c": "MIG-c"}),
        ("", {}),
        ("-1", {}),
    ],
)
def test_an_index_of_cuda_stands_for_its_board(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, expected: dict[str, str]
) -> None:
    monkeypatch.delenv("GPTPATH_GPUS")
    monkeypatch.setattr(gpus, "boards", lambda: [board("GPU-a"), board("GPU-b")])
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert usable_gpus() == expected


def test_a_host_with_a_split_board_shares_out_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GPTPATH_GPUS")
    found = [board("GPU-a"), board("GPU-b", split=True)]
    monkeypatch.setattr(gpus, "boards", lambda: found)
    assert usable_gpus() == {}
    found.pop()
    assert usable_gpus() == {"GPU-a": "GPU-a"}


def test_a_stage_takes_a_board_for_each_of_its_processes_here() -> None:
    params = load_params(ROOT / "params.yaml")
    params = replace(params, launch=Launch(nproc_per_node=4))
    assert [gpus_needed(params, stage) for stage in ("ingest", "pretrain", "zeroshot")] == [0, 4, 1]
    on_cpu = replace(params, compute=replace(params.compute, device="cpu"))
    assert gpus_needed(on_cpu, "pretrain") == 0
