"""One process at a time moves the aliases of a registry.

Beside a local database a file lock does it. MLflow's server offers neither locks nor
compare-and-set, but it makes a registered model of a name only once, whoever asks: its databases
see to that by a primary key. So there the lock of `gptpath-x` is a registered model
`gptpath-x.lock`, made to enter and deleted to leave. Whoever enters reads the aliases anew.
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

SUFFIX = ".lock"
CLAIM = "gptpath.gate.lock"
"""Tag of a lock: whose it is."""
PURPOSE = "Held for the seconds in which aliases are moved; it goes by itself."
EXISTS, ABSENT = "RESOURCE_ALREADY_EXISTS", "RESOURCE_DOES_NOT_EXIST"
POLL_SECONDS = 1.0
STALE_SECONDS = 300.0
"""A lock that has been the same holder's for so long, by the clock of who waits, counts as left
behind; nobody needs so long to move an alias."""
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
    lock = name + SUFFIX
    mark = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex[:8]}"
    begun = since = time.monotonic()
    seen = ""
    while not _take(client, lock, mark):
        now, holder = time.monotonic(), _holder(client, lock)
        if holder != seen:
            seen, since = holder, now
        elif holder and now - since >= STALE_SECONDS:
            _break(client, lock, holder, mark)
        if now - begun > wait_seconds:
            raise _busy(name, f"registered model {lock}", wait_seconds)
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        if _holder(client, lock) == mark:
            _remove(client, lock)


def _take(client: "MlflowClient", lock: str, mark: str) -> bool:
    """Try once to make the lock; False if there is one."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(lock, tags={CLAIM: mark}, description=PURPOSE)
    except MlflowException as error:
        if error.error_code not in (EXISTS, ABSENT):  # absent: given back while MLflow looked again
            raise
        # An answer that was lost makes the client ask once more, and find what it has made.
        return _holder(client, lock) == mark
    return True


def _break(client: "MlflowClient", lock: str, holder: str, mark: str) -> None:
    """Remove the lock if it is still that holder's; one process at a time may."""
    guard = lock + SUFFIX
    if _take(client, guard, mark):
        try:
            if _holder(client, lock) == holder:
                _remove(client, lock)
        finally:
            _remove(client, guard)


def _remove(client: "MlflowClient", lock: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.delete_registered_model(lock)
    except MlflowException as error:
        if error.error_code != ABSENT:
            raise


def _holder(client: "MlflowClient", lock: str) -> str:
    """The mark on a lock; empty where there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_registered_model(lock).tags.get(CLAIM, "")
    except MlflowException as error:
        if error.error_code != ABSENT:
            raise
        return ""


def _busy(name: str, place: str, seconds: float) -> PipelineError:
    return PipelineError(
        f"another process has been moving the aliases of {name} for {seconds:.0f} s ({place}); "
        "wait for it, or delete that lock if its process is gone"
    )
