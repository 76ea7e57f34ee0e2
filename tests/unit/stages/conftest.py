import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def scratch_elsewhere(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Called, it lets nothing be renamed out of .scratch, as if that lay on another file system."""
    replace = os.replace

    def within_a_file_system(source, target):
        if ".scratch" in Path(source).parts and ".scratch" not in Path(target).parts:
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        replace(source, target)

    return lambda: monkeypatch.setattr(os, "replace", within_a_file_system)
