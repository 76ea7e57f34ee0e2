import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from gptpath.errors import PipelineError
from tasks.children import Children

# A parent that dies of nothing but its child's end, like DVC and its stage.
FAMILY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child!r}])
print(child.pid, flush=True)
sys.exit(child.wait() % 256)
"""
OBEDIENT = "import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); time.sleep(60)"
DEAF = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)"


def run(children: Children, code: str, lines: list[str], timeout: float | None = None) -> int:
    return children.run(
        [sys.executable, "-c", code],
        cwd=Path.cwd(),
        env=os.environ,
        on_line=lines.append,
        timeout_seconds=timeout,
    )


def start(children: Children, code: str) -> tuple[threading.Thread, list[str], list[int]]:
    lines: list[str] = []
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(run(children, code, lines)))
    thread.start()
    while not lines:
        time.sleep(0.02)
    time.sleep(0.3)
    return thread, lines, codes


def test_lines_of_both_outputs_arrive_in_order_with_the_exit_code() -> None:
    lines: list[str] = []
    code = "import sys; print('a', flush=True); print('b', file=sys.stderr); sys.exit(3)"
    assert run(Children(), code, lines) == 3
    assert lines == ["a", "b"]


def test_a_child_whose_lines_cannot_be_taken_is_ended() -> None:
    pids: list[int] = []

    def fail(line: str) -> None:
        pids.append(int(line))
        raise ConnectionError("no server")

    code = FAMILY.format(child=OBEDIENT)
    with pytest.raises(ConnectionError, match="no server"):
        Children().run([sys.executable, "-c", code], cwd=Path.cwd(), env=os.environ, on_line=fail)
    assert not psutil.pid_exists(pids[0])


def test_a_child_stays_in_the_process_group_of_the_flow() -> None:
    lines: list[str] = []
    run(Children(), "import os; print(os.getpgid(0))", lines)
    assert lines == [str(os.getpgid(0))]


def test_stopping_ends_the_grandchild_first_and_keeps_the_exit_code() -> None:
    children = Children()
    thread, lines, codes = start(children, FAMILY.format(child=OBEDIENT))
    children.stop()
    thread.join(10)
    assert codes == [7], "the parent saw its child's own exit code"
    assert not psutil.pid_exists(int(lines[0]))


def test_who_does_not_listen_is_killed_after_the_grace() -> None:
    children = Children()
    thread, lines, codes = start(children, FAMILY.format(child=DEAF))
    children.stop(grace_seconds=0.5)
    thread.join(10)
    assert codes
    assert codes != [0]
    deadline = time.monotonic() + 5
    while psutil.pid_exists(int(lines[0])) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(lines[0]))


def test_a_child_without_children_is_told_itself() -> None:
    children = Children()
    thread, _, codes = start(children, "import time; print('up', flush=True); time.sleep(60)")
    children.stop()
    thread.join(10)
    assert codes == [-signal.SIGTERM]


def test_a_stopped_flow_starts_nothing_more() -> None:
    children = Children()
    children.stop()
    with pytest.raises(PipelineError, match="being stopped"):
        run(children, "print('late')", [])


def test_a_child_past_its_time_limit_is_ended_with_a_reason() -> None:
    with pytest.raises(PipelineError, match="time limit of 1 s"):
        run(Children(), "import time; time.sleep(60)", [], timeout=1)
