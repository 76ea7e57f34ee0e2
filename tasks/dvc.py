"""DVC as a command. Its Python objects are not made for threads (docs/adr/0003)."""

import os
import subprocess
import sys
import time
from pathlib import Path

from gptpath.errors import PipelineError

# The lock flag stands before the subcommand: DVC waits for a neighbour instead of failing.
DVC = (sys.executable, "-m", "dvc", "--wait-for-lock")
BUSY_SECONDS = 60.0
"""Longer than a trainer takes for its last state."""


def dvc_environment(root: Path) -> dict[str, str]:
    """Environment of a DVC process: its stages run by this Python, on the checkout's own code.

    One Python may serve several checkouts; the library that is installed in it need not be theirs.
    """
    beside = os.path.dirname(sys.executable)
    found = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    if (root / "src" / "gptpath").is_dir():
        found.insert(0, str(root.resolve() / "src"))
    return os.environ | {
        "PATH": beside + os.pathsep + os.environ.get("PATH", os.defpath),
        "PYTHONPATH": os.pathsep.join(found),
        "PYTHONUNBUFFERED": "1",
        "DVC_NO_ANALYTICS": "true",
    }


def ask_dvc(root: Path, *arguments: str) -> str:
    """Return what a quick DVC command prints; PipelineError with DVC's own words if it fails.

    A DVC whose flow was killed keeps its outputs locked until its stage has saved its state, and
    the flag does not wait for such locks: then the command is tried again for a while.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        done = subprocess.run(
            [*DVC, *arguments], cwd=root, env=dvc_environment(root), capture_output=True, text=True
        )
        if done.returncode == 0:
            return done.stdout
        if "is busy, it is being blocked by" not in done.stderr or time.monotonic() > deadline:
            break
        time.sleep(1)
    lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
    raise PipelineError(
        f"`dvc {' '.join(arguments)}` failed: {' '.join(lines) or done.stderr.strip()}"
    )
