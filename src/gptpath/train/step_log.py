"""Losses of finished steps: checked, timed, kept and told, without waiting for each."""

import math
import time

import torch
from torch import Tensor

from gptpath.config.params import Recipe
from gptpath.errors import TrainingError
from gptpath.events import Emit, StepFinished
from gptpath.train.ledger import peak_memory_bytes, utilisation
from gptpath.train.parallel import ALONE, Parallel
from gptpath.train.schedule import learning_rate


class StepLog:
    """Collects losses on the device and reads many at once, so that steps can follow closely."""

    def __init__(
        self,
        recipe: Recipe,
        *,
        tokens_per_step: int,
        flops_per_token: int,
        rows: list[dict[str, float]],
        emit: Emit,
        parallel: Parallel = ALONE,
    ) -> None:
        """Append a row to `rows` and emit an event at every step that `recipe` wants logged."""
        self._recipe, self._tokens_per_step = recipe, tokens_per_step
        self._flops_per_token = flops_per_token
        self._rows, self._emit, self._parallel = rows, emit, parallel
        self._pending: list[tuple[int, Tensor]] = []
        self._steps, self._seconds = 0, 0.0

    def add(self, step: int, loss: Tensor, grad_norm: Tensor, *, seconds: float) -> None:
        """Take what update number `step` (1 is the first) gave; flushed when a row is due.

        `loss` is the mean over this rank's part of the batch, `grad_norm` that of the whole batch.
        """
        self._pending.append((step, torch.stack((loss, grad_norm))))
        self._steps += 1
        self._seconds += seconds
        if self._due(step):
            self.flush()

    def flush(self) -> None:
        """Read and check everything pending; TrainingError names the first step gone wrong."""
        if not self._pending:
            return
        start = time.perf_counter()
        pairs = self._parallel.mean(torch.stack([pair for _, pair in self._pending])).tolist()
        self._seconds += time.perf_counter() - start  # the device catches up here
        steps = [step for step, _ in self._pending]
        self._pending.clear()
        for step, (loss, grad_norm) in zip(steps, pairs, strict=True):
            if not (math.isfinite(loss) and math.isfinite(grad_norm)):
                raise TrainingError(
                    f"step {step}: loss {loss}, gradient norm {grad_norm}, expected finite numbers;"
                    f" lower learning_rate={self._recipe.learning_rate} or lengthen warmup_steps="
                    f"{self._recipe.warmup_steps}"
                )
            if self._due(step):
                self._tell(step, loss, grad_norm)

    def _due(self, step: int) -> bool:
        return step % self._recipe.log_every_steps == 0 or step == self._recipe.steps

    def _tell(self, step: int, loss: float, grad_norm: float) -> None:
        tokens = step * self._tokens_per_step
        rate = learning_rate(step - 1, self._recipe)
        self._rows.append(
            {
                "step": step,
                "tokens": tokens,
                "loss": loss,
                "learning_rate": rate,
                "grad_norm": grad_norm,
            }
        )
        per_step = self._seconds / self._steps
        self._steps, self._seconds = 0, 0.0
        speed = self._tokens_per_step / per_step
        mfu = utilisation(self._flops_per_token * speed, devices=self._parallel.ranks)
        self._emit(
            StepFinished(
                step=step,
                total_steps=self._recipe.steps,
                tokens=tokens,
                loss=loss,
                learning_rate=rate,
                grad_norm=grad_norm,
                tokens_per_second=speed,
                seconds_left=(self._recipe.steps - step) * per_step,
                mfu=None if mfu == "unknown" else mfu,
                peak_memory_bytes=peak_memory_bytes(),
            )
        )
