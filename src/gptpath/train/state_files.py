"""The files of one resumable state: parts of tensors by rows, with their checksums."""

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from gptpath.errors import CheckpointError


def write_part(
    folder: Path, rank: int, tensors: dict[str, Tensor], first_rows: dict[str, int]
) -> None:
    """Write the rows of all tensors that `rank` answers for, then their checksum beside them."""
    path = folder / f"part-{rank:05d}.safetensors"
    save_file(tensors, path, metadata={"first_rows": json.dumps(first_rows)})
    with path.open("rb") as file:
        os.fsync(file.fileno())
    temporary = path.with_suffix(".tmp")
    temporary.write_text(_sha256(path), encoding="ascii")
    os.replace(temporary, path.with_suffix(".sha256"))


def collect_parts(
    folder: Path, ranks: int, given_up: threading.Event, *, poll_seconds: float = 0.02
) -> dict[str, str]:
    """Wait for the parts of all ranks; returns their checksums by file name.

    Files, not messages: this runs beside the training, which has the connection to itself. A rank
    that dies takes the others with it, and one that fails has `given_up` set: no time limit here.
    """
    wanted = [folder / f"part-{rank:05d}.sha256" for rank in range(ranks)]
    while not all(path.is_file() for path in wanted):
        if given_up.wait(poll_seconds):
            raise OSError("another rank could not write its part")
    parts = {f"{path.stem}.safetensors": path.read_text(encoding="ascii") for path in wanted}
    for path in wanted:
        path.unlink()
    return parts


def sound(path: Path, digest: str) -> bool:
    """Whether the file is there and has this checksum."""
    return path.is_file() and _sha256(path) == digest


def sync_folder(folder: Path) -> None:
    """Let the names in a folder outlast a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class StateReader:
    """Reads rows of tensors from the parts of a state, however many ranks have written them."""

    def __init__(self, parts: Sequence[Path]) -> None:
        """Open the parts without reading their tensors; CheckpointError if one is damaged."""
        self._open = ExitStack()
        self._places: dict[str, list[tuple[int, int, Any]]] = {}
        try:
            for path in parts:
                file = self._open.enter_context(safe_open(path, framework="pt"))
                for name, first in json.loads(file.metadata()["first_rows"]).items():
                    rows = file.get_slice(name).get_shape()[0]
                    self._places.setdefault(name, []).append((first, first + rows, file))
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            self._open.close()
            raise CheckpointError(f"its tensors cannot be read ({error!r})") from error

    def __enter__(self) -> "StateReader":
        return self

    def __exit__(self, *exception: object) -> None:
        self._open.close()

    def rows(self, name: str, wanted: range) -> Tensor:
        """Rows `wanted` of the tensor `name`; CheckpointError if the parts do not hold them all."""
        pieces: list[Tensor] = []
        position = wanted.start
        for first, end, file in sorted(self._places.get(name, ()), key=lambda place: place[:2]):
            if first <= position < min(end, wanted.stop):
                stop = min(end, wanted.stop)
                pieces.append(file.get_slice(name)[position - first : stop - first])
                position = stop
        if position < wanted.stop:
            raise CheckpointError(f"it lacks rows {position} to {wanted.stop} of {name}")
        return torch.cat(pieces)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
