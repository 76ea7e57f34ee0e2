"""Which Python ingest runs on: part of its input, since `installed-docs` reads its library.

The file `.interpreter`, ignored by git, holds the version; DVC lists it as a dependency of ingest.
"""

import platform
from pathlib import Path

from gptpath.errors import PipelineError

FILE = ".interpreter"


def write_interpreter(root: Path) -> None:
    """Record the running interpreter's version in the checkout, unless that is recorded."""
    path, version = root / FILE, f"{platform.python_version()}\n"
    if not path.is_file() or path.read_text(encoding="utf-8") != version:
        path.write_text(version, encoding="utf-8")


def check_interpreter(root: Path) -> None:
    """Raise PipelineError if another version is recorded than the one that runs."""
    path = root / FILE
    if not path.is_file():  # run by hand: only DVC needs the record
        return
    recorded, running = path.read_text(encoding="utf-8").strip(), platform.python_version()
    if recorded != running:
        raise PipelineError(
            f"{path} records Python {recorded}, but ingest runs on {running}, so DVC would take "
            "its result for that of another interpreter; run `make install` to record this one, "
            "then again"
        )
