"""Tensors of a transformers folder. Nothing in it is run: no code, no free pickle."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from gptpath.errors import CheckpointError

WEIGHTS = ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin")
"""Where weights may lie, the first that exists being read."""


def read_state(folder: Path) -> dict[str, Tensor]:
    """Read all tensors of a folder under the names that they have there.

    Raises CheckpointError if there are none or a file is damaged.
    """
    whole, index, old = (folder / name for name in WEIGHTS)
    if whole.is_file():
        return _read_safetensors(whole)
    if index.is_file():
        return _read_shards(index)
    if old.is_file():
        return _read_bin(old)
    raise CheckpointError(f"{folder} holds no weights; expected one of {', '.join(WEIGHTS)}")


def _read_safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file ({error}); fetch it again"
        ) from None


def _read_shards(index: Path) -> dict[str, Tensor]:
    try:
        places = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{index} is damaged ({error!r}); fetch it again") from None
    state: dict[str, Tensor] = {}
    for name in sorted(set(places.values())):
        if Path(name).name != name:
            raise CheckpointError(f"{index} names {name!r}, which is not a file beside it")
        state |= _read_safetensors(index.with_name(name))
    differing = sorted(state.keys() ^ places.keys())
    if differing:
        raise CheckpointError(f"{index} and its files differ in the tensors {differing}")
    return state


def _read_bin(path: Path) -> dict[str, Tensor]:
    try:
        # weights_only: an unpickler that knows tensors and refuses everything that could run.
        state: Any = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a hostile or broken file provokes
        raise CheckpointError(
            f"{path} holds more than tensors, or is damaged ({error}); it is not opened in another "
            "way, as it could run code: convert it to model.safetensors where you trust it"
        ) from None
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise CheckpointError(f"{path} is no state of a model: expected names and their tensors")
    return dict(state)
