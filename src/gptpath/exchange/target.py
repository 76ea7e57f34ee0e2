"""Where an import or an export goes: a folder that is not there yet, or an empty one."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from gptpath.errors import CheckpointError


@contextmanager
def whole_folder(target: Path, *, advice: str) -> Generator[Path]:
    """A folder to fill, whose content is in `target` once the context has ended well.

    An empty folder stays the one that it is: it may be a link, a mount, or where the user stands.

    Raises:
        CheckpointError: `target` is taken; `advice` says what to do.
    """
    empty = target.is_dir() and not any(target.iterdir())
    if target.exists() and not empty:
        raise CheckpointError(f"{target} is there already; {advice}")
    place = target if empty else target.parent
    place.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place, prefix=f".{target.name}.") as scratch:
        fresh = Path(scratch) / "whole"
        fresh.mkdir()
        yield fresh
        if empty:
            for path in fresh.iterdir():
                os.replace(path, target / path.name)
        else:
            os.replace(fresh, target)
