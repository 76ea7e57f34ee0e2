"""The training loop: short, plain, and able to break off and go on at any step."""

import math
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gptpath.config.params import Recipe
from gptpath.events import CheckpointSaved, Emit, Evaluated
from gptpath.model.build import LanguageModel, flops_per_token
from gptpath.model.device import autocast, repeatable
from gptpath.model.folder import save_checkpoint
from gptpath.train.batches import Batches
from gptpath.train.checkpoint import Checkpoints, History
from gptpath.train.compile import training_loss
from gptpath.train.objective import Objective
from gptpath.train.optimiser import build_optimiser
from gptpath.train.parallel import (
    ALONE,
    Parallel,
    check_division,
    free_gathered,
    synchronising,
    whole,
    whole_model,
    wrap,
)
from gptpath.train.prefetch import Prefetch, steps_ahead
from gptpath.train.recompute import recompute_blocks
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
    repeatable: bool = True
    """Whether a GPU must give the same bits at every run (Compute)."""
    scratch: Path
    """Folder of resumable states and of `model/`, the model folder in the making."""
    stop: StopSignal
    emit: Emit
    """Where events go; only the first rank's are needed."""
    parallel: Parallel = ALONE
    step: int = field(init=False)
    """Updates made so far."""
    resumed_at: int = field(init=False)
    """Updates that an earlier process had made."""
    history: History = field(init=False)

    def __post_init__(self) -> None:
        recipe, parallel = self.recipe, self.parallel
        micro = recipe.micro_batch_size_sequences
        assert micro != "auto", "whoever builds a trainer has settled it (train/micro_batch.py)"
        check_division(recipe.batch_size_sequences, micro, parallel.ranks)
        self._rows = parallel.rows(recipe.batch_size_sequences)
        self._micro_size = micro or len(self._rows)
        loss = training_loss(self.model, compile=self.compile)
        if recipe.recompute_activations:
            recompute_blocks(self.model)
        self._objective = wrap(Objective(self.model, loss), self.model, parallel)
        self.optimiser = build_optimiser(self.model, recipe)
        self._states = Checkpoints(
            self.scratch, self.model, self.optimiser, keep=recipe.kept_states, parallel=parallel
        )
        self.step, self.history = self._states.restore()
        self.resumed_at = self._saved = self.step
        device = self.model.wte.weight.device
        self._prefetch = Prefetch(
            self.batches,
            size=self._micro_size,
            rows=self._rows,
            device=device,
            ahead=steps_ahead(device),
        )
        self._log = StepLog(
            recipe,
            tokens_per_step=self.tokens(1),
            flops_per_token=flops_per_token(self.model.config),
            rows=self.history.train,
            emit=self.emit,
            parallel=parallel,
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
                    final = self._measure(tokens=None)
                    self._await_save()
                    return final
                self.stop.check()
                start = time.perf_counter()
                loss, grad_norm = self._update()
                self.step += 1
                self._log.add(self.step, loss, grad_norm, seconds=time.perf_counter() - start)
                if self.step % self.recipe.checkpoint_every_steps == 0:
                    self._save()
                elif self._states.finished():
                    self._tell_saved()
        except StopRequested:
            self._save()
            self._await_save()
            raise
        finally:
            self._prefetch.close()

    def tokens(self, steps: int) -> int:
        """Training tokens that `steps` updates read."""
        return steps * self.recipe.batch_size_sequences * self.model.config.context_length

    def _update(self) -> tuple[Tensor, Tensor]:
        """One optimiser step; returns loss and gradient norm, still on the device.

        The loss is that of this rank's rows of the batch; the gradient, and so its norm, that of
        the whole batch.
        """
        device = self.model.wte.weight.device
        with repeatable(device) if self.repeatable else nullcontext():
            loss = self._add_gradients(device)
            grad_norm = self._apply_gradients()
        return loss, whole(grad_norm)

    def _add_gradients(self, device: torch.device) -> Tensor:
        """Forward and backward passes of this rank's rows; returns their mean loss."""
        share = self._micro_size / len(self._rows)
        loss = torch.zeros((), device=device)
        first = self._rows.start
        for tokens_BT, targets_BT in self._prefetch.micro_batches(self.step):
            if self.model.config.dropout:
                torch.manual_seed(dropout_seed(self.seed, self.step, first))
            first += self._micro_size
            with synchronising(self._objective, last=first == self._rows.stop):
                with autocast(device, self.precision):
                    part = self._objective(tokens_BT, targets_BT) * share
                part.backward()
            loss += part.detach()
        return loss

    def _apply_gradients(self) -> Tensor:
        """Clip the gradients, update the parameters; returns the norm before clipping."""
        recipe = self.recipe
        clip = math.inf if recipe.grad_clip is None else recipe.grad_clip
        grad_norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), clip)
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, recipe)
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        return grad_norm

    def _publish(self) -> None:
        if self.step not in steps_to_publish(self.recipe):
            return
        self._log.flush()  # weights that are not finite must never be kept
        model = whole_model(self.model, self.parallel)
        if model is not None:
            path = save_checkpoint(self.scratch / "model", model, step=self.step)
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
        try:
            return self.validation.measure(
                self.model,
                tokens=tokens,
                between=self.stop.check,
                log_probs=partial(self._objective, per_token=True),
                parallel=self.parallel,
            )
        finally:
            free_gathered(self._objective)

    def _save(self) -> None:
        self._await_save()
        self._log.flush()
        self._states.save(self.step, self.history)
        self._saved = self.step

    def _await_save(self) -> None:
        if self._states.wait():
            self._tell_saved()

    def _tell_saved(self) -> None:
        path = self._states.path(self._saved)
        self.emit(CheckpointSaved(step=self._saved, path=path))


def dropout_seed(seed: int, step: int, first_row: int) -> int:
    """Seed of the dropout masks of the micro-batch that begins with `first_row` of the batch.

    So masks are the same however micro-batches of one size are divided among ranks.
    """
    state = np.random.SeedSequence((seed, step, first_row)).generate_state(1, np.uint64)
    return int(state[0]) >> 1
