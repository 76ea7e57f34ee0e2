"""The model folder: config.json, model.safetensors, tokenizer/ and checkpoints/.

Weights are safetensors and nothing is pickled, so that a folder from elsewhere cannot run code.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from gptpath import __version__
from gptpath.config.model import ModelConfig
from gptpath.errors import CheckpointError, ConfigError
from gptpath.model.build import LanguageModel, empty_model

__all__ = [
    "LanguageModel",
    "load_config",
    "load_model",
    "load_weights",
    "published_steps",
    "save_checkpoint",
    "save_model",
    "save_weights",
]


def save_model(
    folder: Path,
    model: LanguageModel,
    *,
    step: int,
    tokenizer_folder: Path,
    source: str | None = None,
) -> None:
    """Write a finished model after `step` optimiser steps; checkpoints already there stay.

    `source` says where an imported model comes from.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(folder / "model.safetensors", model)
    if (folder / "tokenizer").exists():
        shutil.rmtree(folder / "tokenizer")
    shutil.copytree(tokenizer_folder, folder / "tokenizer", copy_function=shutil.copyfile)
    values = asdict(model.config) | {"gptpath_version": __version__, "step": step}
    if source is not None:
        values["source"] = source
    text = json.dumps(values, indent=2, sort_keys=True) + "\n"
    _write_atomically(folder / "config.json", text.encode())


def save_checkpoint(folder: Path, model: LanguageModel, *, step: int) -> Path:
    """Write the weights after `step` steps beside the final ones; returns the file."""
    path = folder / "checkpoints" / f"step-{step:08d}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    save_weights(path, model)
    return path


def save_weights(path: Path, model: nn.Module) -> None:
    """Write a model's parameters as safetensors, atomically."""
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    save_file(state, temporary)
    os.replace(temporary, path)


def published_steps(folder: Path) -> list[int]:
    """Steps whose weights the folder holds, ascending; the finished model's comes last."""
    names = [path.name for path in (folder / "checkpoints").glob("step-*.safetensors")]
    matches = (re.fullmatch(r"step-(\d+)\.safetensors", name) for name in names)
    final = int(_read_config_json(folder)["step"])
    return [*sorted({int(match[1]) for match in matches if match} - {final}), final]


def load_config(folder: Path) -> ModelConfig:
    """Read the shape of the model in a folder; raises CheckpointError if it makes no sense."""
    values = _read_config_json(folder)
    known = {field.name for field in fields(ModelConfig)}
    try:
        return ModelConfig(**{name: value for name, value in values.items() if name in known})
    except (ConfigError, TypeError) as error:
        raise CheckpointError(f"{folder / 'config.json'} is not a model's: {error}") from error


def load_model(
    folder: Path, *, step: int | None = None, device: str | torch.device = "cpu"
) -> LanguageModel:
    """Load the finished model, or its published checkpoint at `step`, in evaluation mode.

    Raises:
        CheckpointError: if a file is missing, corrupt, or does not fit config.json.
    """
    model = empty_model(load_config(folder))
    if step is None or step == _read_config_json(folder)["step"]:
        path = folder / "model.safetensors"
    else:
        path = folder / "checkpoints" / f"step-{step:08d}.safetensors"
        if not path.is_file():
            known = ", ".join(map(str, published_steps(folder)))
            raise CheckpointError(f"no checkpoint of step {step} in {folder}; there are: {known}")
    load_weights(model, read_tensors(path), where=str(path))
    return model.to(device).eval()


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Read a safetensors file; raises CheckpointError if it is missing or corrupt."""
    try:
        return load_file(path)
    except FileNotFoundError:
        raise CheckpointError(f"{path} is missing; run the stage that writes it") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is not a whole safetensors file ({error}); delete it and run its stage again"
        ) from error


def load_weights(model: nn.Module, state: Mapping[str, Tensor], *, where: str) -> None:
    """Put `state` into `model`, which may lie on `meta`; names and shapes must match exactly."""
    wanted = model.state_dict()
    missing, extra = sorted(wanted.keys() - state.keys()), sorted(state.keys() - wanted.keys())
    wrong = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in sorted(wanted.keys() & state.keys())
        if state[name].shape != wanted[name].shape
    ]
    if missing or extra or wrong:
        raise CheckpointError(
            f"{where} does not fit its configuration: missing {missing}, unexpected {extra}, "
            f"of another shape {wrong}; use the config.json it was saved with"
        )
    model.load_state_dict(state, assign=True)
    for parameter in model.parameters():
        parameter.requires_grad_(True)


def _read_config_json(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CheckpointError(
            f"{folder} is not a model folder: it has no config.json; expected an output of "
            "`gptpath pretrain`"
        ) from None
    except ValueError as error:
        raise CheckpointError(f"{path} is not JSON ({error}); run its stage again") from error
    if not isinstance(values, dict) or not isinstance(values.get("step"), int):
        raise CheckpointError(f"{path} has no integer `step`; run its stage again")
    return values


def _write_atomically(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    os.replace(temporary, path)
