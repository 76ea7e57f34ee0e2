"""Arrays on disk: written whole or not at all, read in place."""

import os
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def save_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write a .npy file; equal arrays give equal bytes. The parent folder must exist.

    Two processes may write the same file at once: the last to finish wins, with a whole file.
    """
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    with temporary.open("wb") as file:
        np.save(file, array, allow_pickle=False)
    os.replace(temporary, path)


def map_array(path: Path) -> npt.NDArray[Any]:
    """A .npy file as a read-only array of which only the parts used are loaded."""
    return np.load(path, mmap_mode="r", allow_pickle=False)
