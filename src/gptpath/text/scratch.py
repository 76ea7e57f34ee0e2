"""The folder of an ingest run's resumable state: one per fingerprint of everything that counts."""

import fcntl
import hashlib
import json
import platform
import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from gptpath.errors import PipelineError

_CODE = ("config", "text")
"""Rooms whose source decides what is kept."""


def fingerprint(parts: Mapping[str, Any], raw: Path) -> str:
    """Hash of `parts` (JSON values), the raw files' names, sizes and times, code and versions."""
    whole = {**parts, "raw": _raw_files(raw), **software()}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:32]


def software() -> dict[str, str]:
    """Versions of Python and Polars, and a hash of the code that decides what is kept."""
    package = Path(__file__).parent.parent
    code = hashlib.sha256()
    for path in sorted(path for room in _CODE for path in (package / room).rglob("*.py")):
        code.update(f"{path.relative_to(package)}\0".encode() + path.read_bytes() + b"\0")
    return {
        "Python": platform.python_version(),
        "Polars": pl.__version__,
        "gptpath": code.hexdigest()[:16],
    }


def _raw_files(raw: Path) -> str:
    digest = hashlib.sha256()
    for path in [raw] if raw.is_file() else sorted(raw.rglob("*")):
        if path.is_file():
            stat = path.stat()
            place = path.relative_to(raw).as_posix()
            digest.update(
                f"{place}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode(errors="surrogateescape")
            )
    return digest.hexdigest()


@contextmanager
def scratch_folder(root: Path, name: str) -> Generator[Path]:
    """Create or reopen folder `name` below `root`; the folder goes when the context ends well.

    Folders of other names, left by runs that were broken off and then changed, go at once.

    Raises:
        PipelineError: another process is at work below `root`.
    """
    root.mkdir(parents=True, exist_ok=True)
    with (root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # the kernel frees it, come what may
        except BlockingIOError:
            raise PipelineError(
                f"another `gptpath ingest` is at work in this checkout (it holds {root / 'lock'}); "
                "wait for it or stop it, then run again"
            ) from None
        for other in root.iterdir():
            if other.is_dir() and other.name != name:
                shutil.rmtree(other)
        (root / name).mkdir(exist_ok=True)
        yield root / name
        shutil.rmtree(root / name)
