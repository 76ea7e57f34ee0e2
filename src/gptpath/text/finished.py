"""Moving a finished folder to where DVC expects it, in place of an older one."""

import errno
import os
import shutil
from pathlib import Path


def put_folder(finished: Path, target: Path) -> None:
    """Move `finished` to `target`, which appears whole or not at all, on any file system."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(target, ignore_errors=True)  # DVC removes it too; a run by hand does not
    try:
        os.replace(finished, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        fresh = target.with_name(f".{target.name}.{os.getpid()}")  # on another file system
        shutil.copytree(finished, fresh)
        os.replace(fresh, target)
