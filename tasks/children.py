"""Child processes of a flow: streamed line by line, bounded in time, and stopped with the flow."""

import contextlib
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

from gptpath.errors import PipelineError

GRACE_SECONDS = 30.0
"""How long a trainer may take for its last checkpoint before it is killed."""


class Children:
    """The child processes of one flow run.

    They stay in the flow's process group. SIGTERM at the flow reaches only the flow, so `stop`
    passes it on to the whole tree below each child.
    """

    def __init__(self) -> None:
        self._running: dict[int, subprocess.Popen[str]] = {}
        self._stopped = False
        self._lock = threading.Lock()

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        on_line: Callable[[str], None],
        timeout_seconds: float | None = None,
    ) -> int:
        """Run a command to its end, handing over each line of its output; returns its exit code.

        Raises PipelineError when it runs past its time limit or the flow is being stopped.
        """
        with self._lock:
            if self._stopped:
                raise PipelineError("the flow is being stopped")
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
            self._running[process.pid] = process
        late = threading.Event()
        timer = threading.Timer(timeout_seconds or 0, lambda: (late.set(), stop_tree(process)))
        timer.daemon = True
        if timeout_seconds:
            timer.start()
        try:
            assert process.stdout is not None, "stdout is a pipe"
            with process.stdout:
                for line in process.stdout:
                    on_line(line.rstrip())
            code = process.wait()
        except BaseException:
            stop_tree(process)  # nobody would see how it ends
            raise
        finally:
            timer.cancel()
            with self._lock:
                del self._running[process.pid]
        if late.is_set():
            raise PipelineError(f"stopped after its time limit of {timeout_seconds:.0f} s")
        return code

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Start no more children; end those that run, and all their descendants."""
        with self._lock:
            self._stopped = True
            running = list(self._running.values())
        stoppers = [
            threading.Thread(target=stop_tree, args=(process, grace_seconds)) for process in running
        ]
        for stopper in stoppers:
            stopper.start()
        for stopper in stoppers:
            stopper.join()


def stop_tree(top: subprocess.Popen[str], grace_seconds: float = GRACE_SECONDS) -> None:
    """End the descendants of `top` by SIGTERM, then `top` ends by itself; kill who does not.

    DVC dies of SIGTERM at once and would leave its stage an orphan. So it is told only if it has
    no child yet; else it sees its command end, and lets go of its locks.
    """
    seen: dict[int, psutil.Process] = {}
    deadline = time.monotonic() + grace_seconds
    told_top = False
    while time.monotonic() < deadline:
        for process in _descendants(top):
            if process.pid not in seen:
                seen[process.pid] = process
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.terminate()
        if not seen and not told_top:
            top.terminate()
            told_top = True
        _, alive = psutil.wait_procs(list(seen.values()), timeout=0.2)
        # Through Popen: psutil would take the exit code away from the thread that waits for it.
        if not alive and top.poll() is not None:
            return
        time.sleep(0.05)
    for process in seen.values():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    top.kill()


def _descendants(top: subprocess.Popen[str]) -> list[psutil.Process]:
    if top.poll() is not None:
        return []
    try:
        return psutil.Process(top.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
