"""The folder of a run's resumable state: one per fingerprint, never shared by two trainers."""

import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import torch

from gptpath.errors import TrainingError

logger = logging.getLogger(__name__)

_CODE = ("config", "tokens", "model", "train")
"""Rooms whose source decides the numbers of a run."""


def fingerprint(parts: Mapping[str, Any]) -> str:
    """Hash of everything that decides a run's result: `parts`, the code and torch's version.

    A run resumes only from state of the same fingerprint. `parts` must be JSON values.
    """
    whole = {**parts, "code": _code_version(), "torch": torch.__version__}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:32]


def _code_version() -> str:
    package = Path(__file__).parent.parent
    digest = hashlib.sha256()
    for path in sorted(path for room in _CODE for path in (package / room).rglob("*.py")):
        digest.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


@contextmanager
def scratch_folder(
    root: Path, name: str, *, between: Callable[[], None], patience_seconds: float = 60.0
) -> Generator[Path]:
    """Create or reopen folder `name` below `root` and hold its lock while the context lasts.

    A trainer whose parent was killed may still be writing its last checkpoint: it is waited for.
    `between` is called while waiting and may raise to break off. The kernel frees the lock of a
    process that dies, however it dies.

    Raises:
        TrainingError: if another process holds the lock for longer than `patience_seconds`.
    """
    root.mkdir(parents=True, exist_ok=True)
    lock = root / f"{name}.lock"
    with locked(lock, between=between, patience_seconds=patience_seconds):
        (root / name).mkdir(exist_ok=True)
        yield root / name
        if not (root / name).exists():  # finished: nothing is left to protect
            lock.unlink()


@contextmanager
def locked(
    path: Path, *, between: Callable[[], None], patience_seconds: float = 60.0
) -> Generator[None]:
    """Hold the lock of file `path` while the context lasts; waits and fails as scratch_folder."""
    deadline = time.monotonic() + patience_seconds
    while (file := _try_lock(path)) is None:
        between()
        if time.monotonic() > deadline:
            raise TrainingError(
                f"another process is training this very run (it holds {path}); expected none after "
                f"{patience_seconds:.0f} s; wait for it or stop it, then run again"
            )
        time.sleep(0.2)
    with file:
        yield


def _try_lock(path: Path) -> IO[str] | None:
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The holder before us may have removed the file between our open and our lock.
        if path.exists() and os.fstat(file.fileno()).st_ino == path.stat().st_ino:
            return file
    except BlockingIOError:
        pass
    file.close()
    return None
