"""One process at a time moves the aliases of a registry.

Beside a local database a file lock does it. MLflow's server offers neither locks nor
compare-and-set, so there a tag of the registered model is the lock, by Fischer's algorithm (Lamport
1987, "A fast mutual exclusion algorithm", sec. 2): wait until the tag is free, write an own mark,
wait longer than any write takes, and enter if the mark is still there. A writer that was slower
than that notices by the clock and starts again. Whoever enters reads the aliases anew.
"""

import os
import re
import socket
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from gptpath.errors import PipelineError
from gptpath.tracking.store import tracking_uri

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

CLAIM = "gptpath.gate.lock"
"""Tag of a registered model: who moves its aliases, and since when."""
SETTLE_SECONDS = 1.0
"""Longer than a write to the server takes from its sending to its effect."""
STALE_SECONDS = 300.0
"""Age at which a mark counts as left behind; nobody needs so long to move an alias."""
WAIT_SECONDS = 600.0


@contextmanager
def registry_lock(
    client: "MlflowClient", root: Path, name: str, *, wait_seconds: float = WAIT_SECONDS
) -> Generator[None, None, None]:
    """Hold the right to move the aliases of registered model `name`.

    Raises PipelineError when another process keeps it for `wait_seconds`.
    """
    local = re.fullmatch(r"sqlite:///(?P<path>[^?]+)(\?.*)?", tracking_uri(root))
    if local is None:
        with _claim(client, name, wait_seconds):
            yield
        return
    database = Path(local["path"])
    lock = FileLock(database.with_name(f"{database.name}.registry.lock"), timeout=wait_seconds)
    try:
        lock.acquire()
    except Timeout:
        raise _busy(name, str(lock.lock_file), wait_seconds) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _claim(client: "MlflowClient", name: str, wait_seconds: float) -> Generator[None, None, None]:
    mark = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex[:8]}"
    deadline = time.monotonic() + wait_seconds
    while not _enter(client, name, mark):
        if time.monotonic() > deadline:
            raise _busy(name, f"tag {CLAIM}", wait_seconds)
        time.sleep(SETTLE_SECONDS)
    try:
        yield
    finally:
        if _holder(client, name).startswith(mark):
            client.delete_registered_model_tag(name, CLAIM)


def _enter(client: "MlflowClient", name: str, mark: str) -> bool:
    """Try once to take the lock; False if somebody else has it or came in between."""
    begun = time.monotonic()
    holder = _holder(client, name)
    if holder and time.time() - float(holder.split()[-1]) < STALE_SECONDS:
        return False
    client.set_registered_model_tag(name, CLAIM, f"{mark} {time.time():.0f}")
    if time.monotonic() - begun >= SETTLE_SECONDS:
        return False  # so slow that another may have entered; its own mark ages or is retaken
    time.sleep(SETTLE_SECONDS)
    return _holder(client, name).startswith(mark)


def _holder(client: "MlflowClient", name: str) -> str:
    return client.get_registered_model(name).tags.get(CLAIM, "")


def _busy(name: str, place: str, seconds: float) -> PipelineError:
    return PipelineError(
        f"another process has been moving the aliases of {name} for {seconds:.0f} s ({place}); "
        "wait for it, or remove that lock if its process is gone"
    )
