"""Resumable state: weights, optimiser moments, step and history, as safetensors and JSON.

Batches, dropout and schedule are functions of the seed and the step, so there is no random state
to keep.
"""

import hashlib
import json
import logging
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from gptpath.errors import CheckpointError
from gptpath.model.folder import read_tensors

logger = logging.getLogger(__name__)

_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What a run has measured so far; the rows of metrics/pretrain/MODEL.json."""

    train: list[dict[str, float]] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)


def save_state(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer, step: int, history: History
) -> Path:
    """Write the state after `step` updates, all or nothing; returns its folder.

    The state before it is kept in case this one gets damaged, older ones are removed.
    """
    path = folder / f"state-{step:08d}"
    temporary = folder / f".state-{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    save_file(_tensors(model, optimiser), temporary / "state.safetensors")
    state = {"step": step, "sha256": _sha256(temporary / "state.safetensors")} | asdict(history)
    (temporary / "state.json").write_text(json.dumps(state), encoding="utf-8")
    shutil.rmtree(path, ignore_errors=True)
    os.replace(temporary, path)
    for old in _states(folder)[:-2]:
        shutil.rmtree(old)
    return path


def restore_state(
    folder: Path, model: nn.Module, optimiser: torch.optim.Optimizer
) -> tuple[int, History]:
    """Load the newest undamaged state into `model` and `optimiser`; returns its step and history.

    Without one, nothing is changed and the step is 0.
    """
    for path in reversed(_states(folder)):
        try:
            return _restore(path, model, optimiser)
        except CheckpointError as error:
            logger.warning("cannot resume from %s: %s", path.name, error)
    return 0, History()


def remove_states(folder: Path) -> None:
    """Forget everything that could be resumed from `folder`."""
    for path in _states(folder):
        shutil.rmtree(path)


def _states(folder: Path) -> list[Path]:
    return sorted(folder.glob("state-*"))


def _tensors(model: nn.Module, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {f"weights.{name}": p.detach() for name, p in model.named_parameters()}
    for name, parameter in model.named_parameters():
        for moment in _MOMENTS if parameter in optimiser.state else ():
            tensors[f"{moment}.{name}"] = optimiser.state[parameter][moment]
    return {name: tensor.cpu().contiguous() for name, tensor in tensors.items()}


def _restore(path: Path, model: nn.Module, optimiser: torch.optim.Optimizer) -> tuple[int, History]:
    try:
        state = json.loads((path / "state.json").read_text(encoding="utf-8"))
        step, digest = int(state["step"]), state["sha256"]
        history = History(train=state["train"], validation=state["validation"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"its state.json is damaged ({error!r})") from error
    file = path / "state.safetensors"
    if not file.is_file() or _sha256(file) != digest:
        raise CheckpointError("its tensors do not match their checksum")
    tensors = read_tensors(file)
    weights = {name: tensors.pop(f"weights.{name}") for name in model.state_dict()}
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])
    for name, parameter in model.named_parameters() if step else ():
        moments = {moment: tensors[f"{moment}.{name}"].to(parameter.device) for moment in _MOMENTS}
        updates = torch.tensor(float(step), device=parameter.device)
        optimiser.state[parameter] = {"step": updates, **moments}
    return step, history


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
