"""State of stages that were broken off and never taken up again, and fetched copies of models."""

import fcntl
import os
import shutil
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from gptpath.retention.leftover import Leftover, tree_bytes

DAY = 86400.0


def scratch_leftovers(scratch: Path, days: float) -> Iterator[Leftover]:
    """Folders below a checkout's scratch folder that nobody holds or has changed for `days`.

    State of a pretraining has a lock file of its own beside it, a data stage one lock for all of
    its folders. Copies from the registry (`registry/MODEL/ID`) are fetched again when needed.
    """
    for folder in sorted(scratch.glob("pretrain/*/")):
        yield from _old(folder, folder.with_name(f"{folder.name}.lock"), days)
    for stage in ("ingest", "encode"):
        for folder in sorted((scratch / stage).glob("*/")):
            yield from _old(folder, scratch / stage / "lock", days)
    for folder in sorted(scratch.glob("registry/*/*/")):
        yield from _old(folder, None, days)


def _old(folder: Path, lock: Path | None, days: float) -> Iterator[Leftover]:
    with _held(lock) as free:  # while a stage is at work its files come and go
        if not free:
            return
        newest = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
        size = tree_bytes(folder)
    age = (time.time() - newest) / DAY
    if age >= days:
        yield Leftover(
            kind="scratch",
            what=f"{folder.parent.name}/{folder.name}, unchanged for {age:.0f} days",
            size_bytes=size,
            remove=lambda: _remove(folder, lock),
        )


def _remove(folder: Path, lock: Path | None) -> None:
    """Remove a folder unless a stage has taken it up in the meantime."""
    with _held(lock) as free:
        if free:
            shutil.rmtree(folder)


@contextmanager
def _held(lock: Path | None) -> Generator[bool]:
    """Hold a stage's lock; yields False if the stage has it."""
    if lock is None or not lock.exists():
        yield True
        return
    handle = os.open(lock, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield True
    except BlockingIOError:
        yield False
    finally:
        os.close(handle)  # frees the lock
