"""Steps of the true model on random tokens, to see what a micro-batch takes."""

import gc
import os
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from gptpath.config.launch import Strategy
from gptpath.config.model import ModelConfig
from gptpath.config.params import Recipe
from gptpath.model.build import count_parameters, empty_model
from gptpath.model.device import autocast, resolve_precision
from gptpath.model.loss import next_token_loss
from gptpath.train.memory import free_host_bytes, training_bytes
from gptpath.train.optimiser import build_optimiser
from gptpath.train.recompute import recompute_blocks

_STATE_BYTES = 16
"""Weight, gradient and two moments of a parameter, in float32."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trial:
    """One size of micro-batch, tried."""

    sequences: int
    bytes: int | None
    """Memory that training with it takes; None if there was not enough."""
    seconds: float
    """Of one forward and backward pass, without compilation; 0 if it was not run."""


class Probe:
    """A model in training: two micro-batches and an update at each attempt.

    Not compiled: compiled training takes no more memory, and each size would be compiled anew.
    """

    def __init__(
        self, config: ModelConfig, recipe: Recipe, *, device: torch.device, precision: str
    ) -> None:
        self.room_bytes = free_bytes(device)
        self._config, self._recipe = config, recipe
        self._device, self._precision = device, precision
        self._before = torch.cuda.memory_allocated(device) if device.type == "cuda" else 0
        self._generator = torch.Generator(device).manual_seed(0)
        self._model = empty_model(config).to_empty(device=device).train()
        with torch.no_grad():
            for parameter in self._model.parameters():
                parameter.normal_(0.0, config.init_std, generator=self._generator)
        if recipe.recompute_activations:
            recompute_blocks(self._model)
        self._optimiser = build_optimiser(self._model, recipe)

    def attempt(self, sequences: int) -> Trial:
        """Memory and time of micro-batches of `sequences`.

        On a GPU memory is measured. On a CPU it is estimated, and a size that would not fit is not
        run: nobody can catch the system's own answer to too little memory.
        """
        if self._device.type != "cuda":
            size = self._estimate(sequences)
            if size > self.room_bytes:
                return Trial(sequences=sequences, bytes=size, seconds=0.0)
            self._warm_up()
            return Trial(sequences=sequences, bytes=size, seconds=self._run(sequences))
        seconds = self._run_if_it_fits(sequences)
        peak = torch.cuda.max_memory_allocated(self._device) - self._before
        self._optimiser.zero_grad(set_to_none=True)
        gc.collect()
        torch.cuda.empty_cache()
        return Trial(
            sequences=sequences,
            bytes=None if seconds is None else peak,
            seconds=seconds or 0.0,
        )

    def _run_if_it_fits(self, sequences: int) -> float | None:
        try:
            self._warm_up()
            torch.cuda.reset_peak_memory_stats(self._device)
            return self._run(sequences)
        except torch.OutOfMemoryError:
            return None

    def _warm_up(self) -> None:
        """Make the optimiser's state, so that all attempts start from the same memory."""
        if not self._optimiser.state:
            self._run(1)

    def _run(self, sequences: int) -> float:
        """Seconds of the second of two passes, both followed by an update."""
        shape = (sequences, self._config.context_length)
        tokens_BT = torch.randint(
            self._config.vocab_size, shape, device=self._device, generator=self._generator
        )
        seconds = 0.0
        for _ in range(2):
            start = self._clock()
            with autocast(self._device, self._precision):
                loss = next_token_loss(self._model, tokens_BT, tokens_BT)
            loss.backward()
            seconds = self._clock() - start
        self._optimiser.step()
        self._optimiser.zero_grad(set_to_none=True)
        return seconds

    def _clock(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()

    def _estimate(self, sequences: int) -> int:
        return training_bytes(
            self._config,
            sequences=sequences,
            device="cpu",
            bfloat16=resolve_precision(self._device, self._precision) == "bfloat16",
            recompute=self._recipe.recompute_activations,
        )


@contextmanager
def open_probe(
    config: ModelConfig,
    recipe: Recipe,
    *,
    device: torch.device,
    precision: str,
    strategy: Strategy = "ddp",
    ranks: int = 1,
) -> Generator[Probe]:
    """A probe on one rank's device while the context lasts; nothing of it stays in memory.

    With `fsdp` on several ranks its room is larger by the part of the state that the training will
    not hold here; the probe itself must hold it, so it underrates models of many billions.
    """
    probe = Probe(config, recipe, device=device, precision=precision)
    if strategy == "fsdp":
        parameters = count_parameters(empty_model(config))
        probe.room_bytes += int(_STATE_BYTES * parameters * (1 - 1 / ranks))
    try:
        yield probe
    finally:
        vars(probe).pop("_model")
        vars(probe).pop("_optimiser")
        gc.collect()
        if device.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(device)


def free_bytes(device: torch.device) -> int:
    """Memory that this process may still take on `device`."""
    if device.type != "cuda":
        return free_host_bytes() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))  # torchrun's
    free, _ = torch.cuda.mem_get_info(device)
    return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
