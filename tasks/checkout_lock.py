"""One flow at a time in a checkout: params.yaml and dvc.lock belong to the one that runs."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from prefect import get_run_logger

LOCK = "flow.lock"


@contextmanager
def whole_checkout(root: Path) -> Generator[None, None, None]:
    """Hold the checkout for a flow run; waits for another that has it, however long.

    A flow within a flow, in one process, enters at once. The kernel frees the lock of a process
    that dies. A `dvc repro` by hand does not take it; DVC's own locks hold there.
    """
    path = root.resolve() / ".scratch" / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    # One object for each path in this process, whatever the thread: so a flow may enter twice.
    lock = FileLock(path, is_singleton=True, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        get_run_logger().info("another flow runs in %s; waiting for its end", root)
        lock.acquire(timeout=-1, poll_interval=0.5)
    try:
        yield
    finally:
        lock.release()
