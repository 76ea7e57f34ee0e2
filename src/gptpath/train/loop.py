"""The training loop: short, plain, and able to break off and go on at any step."""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from gptpath.config.params import Recipe
from gptpath.events import CheckpointSaved, Emit, Evaluated
from gptpath.model.build import LanguageModel
from gptpath.model.device import autocast
from gptpath.model.folder import save_checkpoint
from gptpath.model.loss import next_token_loss
from gptpath.train.batches import Batches
from gptpath.train.checkpoint import History, restore_state, save_state
from gptpath.train.optimiser import build_optimiser
from gptpath.train.schedule import learning_rate, steps_to_publish
from gptpath.train.step_log import StepLog
from gptpath.train.stopping import StopRequested, StopSignal
from gptpath.train.validation import Score, Validation


@dataclass(kw_only=True)
class Trainer:
    """One pretraining run: what it needs, and how far it has come."""

    model: LanguageModel
    """Initialised, on the device to train on."""
    recipe: Recipe
    batches: Batches
    validation: Validation
    seed: int
    precision: str
    compile: bool
    scratch: Path
    """Folder of resumable states and of `model/`, the model folder in the making."""
    stop: StopSignal
    emit: Emit
    step: int = field(init=False)
    """Updates made so far."""
    resumed_at: int = field(init=False)
    """Updates that an earlier process had made."""
    history: History = field(init=False)

    def __post_init__(self) -> None:
        self.optimiser = build_optimiser(self.model, self.recipe)
        self.step, self.history = restore_state(self.scratch, self.model, self.optimiser)
        self.resumed_at = self.step
        self._loss = torch.compile(next_token_loss) if self.compile else next_token_loss
        self._log = StepLog(
            self.recipe, tokens_per_step=self.tokens(1), rows=self.history.train, emit=self.emit
        )

    def run(self) -> Score:
        """Train to the last step; returns the score on the whole held-out split.

        Raises:
            TrainingError: if loss or gradient stop being finite numbers.
            StopRequested: after a checkpoint, when told to stop or left by the parent.
        """
        self.model.train()
        try:
            while True:
                self._publish()
                self._validate()
                if self.step == self.recipe.steps:
                    return self._measure(tokens=None)
                self.stop.check()
                start = time.perf_counter()
                loss, grad_norm = self._update()
                self.step += 1
                self._log.add(self.step, loss, grad_norm, seconds=time.perf_counter() - start)
                if self.step % self.recipe.checkpoint_every_steps == 0:
                    self._save()
        except StopRequested:
            self._save()
            raise

    def tokens(self, steps: int) -> int:
        """Training tokens that `steps` updates read."""
        return steps * self.recipe.batch_size_sequences * self.model.config.context_length

    def _update(self) -> tuple[Tensor, Tensor]:
        """One optimiser step; returns loss and gradient norm, still on the device."""
        recipe, device = self.recipe, self.model.wte.weight.device
        if self.model.config.dropout:  # masks too are a function of the seed and the step
            torch.manual_seed(((self.seed << 32) + self.step) % 2**63)
        size = recipe.micro_batch_size_sequences or recipe.batch_size_sequences
        share = size / recipe.batch_size_sequences
        loss = torch.zeros((), device=device)
        for tokens_BT, targets_BT in self.batches.micro_batches(self.step, size, device):
            with autocast(device, self.precision):
                part = self._loss(self.model, tokens_BT, targets_BT) * share
            part.backward()
            loss += part.detach()
        clip = math.inf if recipe.grad_clip is None else recipe.grad_clip
        grad_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), clip)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, recipe)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return loss, grad_norm

    def _publish(self) -> None:
        if self.step in steps_to_publish(self.recipe):
            self._log.flush()  # weights that are not finite must never be kept
            path = save_checkpoint(self.scratch / "model", self.model, step=self.step)
            self.emit(CheckpointSaved(step=self.step, path=path))

    def _validate(self) -> None:
        due = self.step % self.recipe.validate_every_steps == 0 or self.step == self.recipe.steps
        if not due or any(row["step"] == self.step for row in self.history.validation):
            return
        self._log.flush()
        score = self._measure(tokens=self.recipe.validation_tokens)
        values = {"loss": score.loss, "bpb": score.bpb}
        place = {"step": self.step, "tokens": self.tokens(self.step)}
        self.history.validation.append(place | values)
        named = {f"validation/{name}": value for name, value in values.items()}
        self.emit(Evaluated(step=self.step, values=named))

    def _measure(self, *, tokens: int | None) -> Score:
        return self.validation.measure(self.model, tokens=tokens, between=self.stop.check)

    def _save(self) -> None:
        self._log.flush()
        path = save_state(self.scratch, self.model, self.optimiser, self.step, self.history)
        self.emit(CheckpointSaved(step=self.step, path=path))
