"""Resumable state: weights, optimiser moments, step and history, as safetensors and JSON.

Each rank writes its share of the rows of every tensor, so a state can be read again by any number
of ranks. Batches, dropout and schedule are functions of the seed and the step, so there is no
random state to keep.
"""

import json
import logging
import os
import shutil
import threading
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gptpath.errors import CheckpointError
from gptpath.train.parallel import ALONE, Parallel, local_part
from gptpath.train.state_files import StateReader, collect_parts, sound, sync_folder, write_part

logger = logging.getLogger(__name__)

_MOMENTS = ("exp_avg", "exp_avg_sq")


@dataclass(frozen=True, kw_only=True, slots=True)
class History:
    """What a run has measured so far; the rows of metrics/pretrain/MODEL.json."""

    train: list[dict[str, float]] = field(default_factory=list)
    validation: list[dict[str, float]] = field(default_factory=list)


class Checkpoints:
    """The resumable states of one run in one folder, written while training goes on.

    `save` copies the state to host memory and returns; a thread writes it, at most one at a time.
    A state appears in the folder whole or not at all.
    """

    def __init__(
        self,
        folder: Path,
        model: nn.Module,
        optimiser: torch.optim.Optimizer,
        *,
        keep: int,
        parallel: Parallel = ALONE,
    ) -> None:
        """Prepare to save and restore `model` and `optimiser`; all ranks must do so together."""
        self._folder, self._keep, self._parallel = folder, keep, parallel
        self._model, self._optimiser = model, optimiser
        self._host: dict[str, Tensor] = {}
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None
        self._part_done, self._given_up = threading.Event(), threading.Event()
        self._part_done.set()
        if parallel.rank == 0:  # before any other can have begun to write
            folder.mkdir(parents=True, exist_ok=True)
            for broken_off in folder.glob(".state-*"):
                shutil.rmtree(broken_off)
        # Parts of one state find each other by this name, and never a part of an earlier attempt.
        self._attempt, self._saves = parallel.gather(uuid.uuid4().hex)[0], 0

    def save(self, step: int, history: History) -> None:
        """Begin to write the state after `step` updates; waits for the one before.

        All ranks must do so together, and wait together.
        """
        self.wait()
        self._saves += 1
        first_rows = self._copy_to_host()
        facts = {"step": step} | asdict(history)  # a copy: training goes on
        self._part_done.clear()
        self._thread = threading.Thread(
            target=self._write, args=(facts, first_rows), name="checkpoint-writer", daemon=True
        )
        self._thread.start()

    def finished(self) -> bool:
        """Whether a state that was begun is written now; tells it once.

        Ranks look each in its own time, so an error among several is left for `wait`.
        """
        if self._thread is None or self._thread.is_alive():
            return False
        if self._error is not None and self._parallel.ranks > 1:
            return False
        self._thread = None
        self._raise(self._failure())
        return True

    def wait(self) -> bool:
        """Wait until a state that was begun is written; whether there was one.

        An error of one rank is raised by all: none goes on alone, or waits for a part in vain.
        """
        thread, self._thread = self._thread, None
        self._part_done.wait()
        parts = self._parallel.gather(self._failure())
        if any(parts):
            self._given_up.set()
        if thread is not None:
            thread.join()
        self._raise(*parts, *self._parallel.gather(self._failure()))
        return thread is not None

    def _failure(self) -> str | None:
        return None if self._error is None else str(self._error) or repr(self._error)

    def _raise(self, *failures: str | None) -> None:
        for failure in filter(None, failures):
            raise CheckpointError(
                f"the state could not be written to {self._folder}: {failure}; make room there "
                "and run again, which goes on from the state before"
            ) from self._error

    def restore(self) -> tuple[int, History]:
        """Load the newest undamaged state; returns its step and history.

        Without one, nothing is changed and the step is 0.
        """
        paths = self._parallel.gather(_states(self._folder))[0]
        for path in reversed(paths):
            try:
                return self._restore(path)
            except CheckpointError as error:
                if self._parallel.rank == 0:
                    logger.warning("cannot resume from %s: %s", path.name, error)
        return 0, History()

    def path(self, step: int) -> Path:
        """Folder of the state after `step` updates."""
        return self._folder / f"state-{step:08d}"

    def _copy_to_host(self) -> dict[str, int]:
        """Copy this rank's rows into host memory; returns the first row of each by its name."""
        first_rows: dict[str, int] = {}
        for name, tensor in self._tensors().items():
            rows = self._parallel.rows(len(tensor))
            part = local_part(tensor)
            part = part[rows.start : rows.stop] if part is tensor else part
            if name not in self._host:
                self._host[name] = torch.empty_like(part, device="cpu", pin_memory=part.is_cuda)
            self._host[name].copy_(part, non_blocking=True)
            if rows:  # a short tensor has none left for the last ranks
                first_rows[name] = rows.start
        if torch.cuda.is_initialized():
            torch.cuda.current_stream().synchronize()
        return first_rows

    def _tensors(self) -> dict[str, Tensor]:
        state = self._optimiser.state
        tensors = {f"weights.{name}": p.detach() for name, p in self._model.named_parameters()}
        for name, parameter in self._model.named_parameters():
            for moment in _MOMENTS if parameter in state else ():
                tensors[f"{moment}.{name}"] = state[parameter][moment]
        return tensors

    def _write(self, facts: dict[str, Any], first_rows: dict[str, int]) -> None:
        """Write this rank's part; on the first rank, publish the whole state. Runs in a thread."""
        temporary = self._folder / f".state-{facts['step']:08d}-{self._attempt}-{self._saves}"
        try:
            temporary.mkdir(parents=True, exist_ok=True)
            tensors = {name: self._host[name] for name in first_rows}
            write_part(temporary, self._parallel.rank, tensors, first_rows)
            self._part_done.set()
            if self._parallel.rank == 0:
                parts = collect_parts(temporary, self._parallel.ranks, self._given_up)
                text = json.dumps(facts | {"parts": parts})
                (temporary / "state.json").write_text(text, encoding="utf-8")
                self._publish(temporary, self.path(facts["step"]))
        except Exception as error:  # told by the training thread, at its next look
            self._error = error
        finally:
            self._part_done.set()

    def _publish(self, temporary: Path, path: Path) -> None:
        sync_folder(temporary)
        shutil.rmtree(path, ignore_errors=True)
        os.replace(temporary, path)
        sync_folder(self._folder)
        states = _states(self._folder)
        newest = states.index(path) + 1  # what is newer was damaged, or it had been resumed from
        for state in [*states[: max(0, newest - self._keep)], *states[newest:]]:
            shutil.rmtree(state)

    def _restore(self, path: Path) -> tuple[int, History]:
        agree = self._parallel.agree
        step, parts, history = agree(lambda: _read_facts(path))
        agree(lambda: self._verify(path, parts))
        agree(lambda: self._load([path / name for name in parts], step))
        return step, history

    def _verify(self, path: Path, parts: dict[str, str]) -> None:
        """Compare this rank's share of the parts with their checksums."""
        for name in sorted(parts)[self._parallel.rank :: self._parallel.ranks]:
            if not sound(path / name, parts[name]):
                raise CheckpointError(f"{name} does not match its checksum")

    @torch.no_grad()
    def _load(self, parts: list[Path], step: int) -> None:
        """Put this rank's rows into the parameters and, after a step, into their moments."""
        with StateReader(parts) as reader:
            for name, parameter in self._model.named_parameters():
                held = local_part(parameter.detach())
                sharded = held.shape != parameter.shape
                rows = self._parallel.rows(len(parameter)) if sharded else range(len(parameter))
                if rows:
                    held.copy_(reader.rows(f"weights.{name}", rows))
                if step == 0:
                    continue
                state: dict[str, Tensor] = {"step": torch.tensor(float(step), device=held.device)}
                for moment in _MOMENTS:
                    state[moment] = torch.zeros_like(parameter, requires_grad=False)
                    if rows:
                        local_part(state[moment]).copy_(reader.rows(f"{moment}.{name}", rows))
                self._optimiser.state[parameter] = state


def remove_states(folder: Path) -> None:
    """Forget everything that could be resumed from `folder`."""
    for path in _states(folder):
        shutil.rmtree(path)


def _states(folder: Path) -> list[Path]:
    return sorted(folder.glob("state-*"))


def _read_facts(path: Path) -> tuple[int, dict[str, str], History]:
    """Step, parts with their checksums, and history of the state in a folder."""
    try:
        facts = json.loads((path / "state.json").read_text(encoding="utf-8"))
        history = History(train=facts["train"], validation=facts["validation"])
        return int(facts["step"]), dict(facts["parts"]), history
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"its state.json is damaged ({error!r})") from error
