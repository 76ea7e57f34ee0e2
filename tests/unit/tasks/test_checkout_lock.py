"""One flow at a time in a checkout, whatever the process."""

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from tasks import checkout_lock
from tasks.checkout_lock import whole_checkout

ROOT = Path(__file__).parents[3]
HOLDER = """
import sys
from pathlib import Path
from tasks.checkout_lock import whole_checkout

with whole_checkout(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def holder(tmp_path: Path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    yield process
    process.kill()
    process.communicate()


def test_a_flow_within_a_flow_enters_at_once(tmp_path: Path) -> None:
    with whole_checkout(tmp_path), whole_checkout(tmp_path / "." / ""):
        pass


def test_another_process_is_waited_for_and_may_die(
    holder: "subprocess.Popen[str]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    class Kill(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())
            holder.kill()

    log = logging.Logger("test")
    log.addHandler(Kill())
    monkeypatch.setattr(checkout_lock, "get_run_logger", lambda: log)
    with whole_checkout(tmp_path):
        assert said == [f"another flow runs in {tmp_path}; waiting for its end"]
