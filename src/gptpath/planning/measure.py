"""How fast this machine is: a matrix product, and a few real training steps of each shape."""

import dataclasses
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from gptpath.config.model import ModelConfig
from gptpath.config.params import Params, Recipe
from gptpath.model.build import build_model, flops_per_token
from gptpath.model.device import autocast, configure, resolve_precision
from gptpath.model.loss import next_token_loss
from gptpath.train.memory import expected_micro_batch
from gptpath.train.micro_batch import ROOM_TO_USE
from gptpath.train.optimiser import build_optimiser
from gptpath.train.probe import free_bytes

EFFICIENCY = {"cpu": 0.5, "cuda": 0.35}
"""Share of the matrix-product rate that training reaches where it cannot be measured.

Stand-ins: one core reached 0.4 to 0.6 of it at laptop sizes (docs/log.md); the GPU's is a cautious
assumption, not a measurement.
"""
_STEP_SECONDS = 2.0
"""A step that the matrix-product rate puts above this is estimated, not run."""
_SHAPE_SECONDS = 1.0
_MOST_STEPS = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Speed:
    """Training speed of one model."""

    tokens_per_second: float
    measured: bool
    """False where it is the matrix-product rate times EFFICIENCY."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rates:
    """Everything that a plan needs to know about speed."""

    matmul_flops: float
    """FLOP/s of a square matrix product at compute.threads and compute.precision."""
    training: Mapping[str, Speed]
    """By model name."""


def measure_rates(params: Params, device: torch.device) -> Rates:
    """Measure for about a second per distinct shape; large shapes are estimated instead."""
    configure(params.compute.threads)
    matmul = measure_matmul(device, params.compute.precision)
    known: dict[tuple[ModelConfig, int], Speed] = {}
    training: dict[str, Speed] = {}
    for name in params.matrix.models:
        config, recipe = params.model_config(name), params.recipe(name)
        batch = expected_micro_batch(
            config,
            recipe,
            ranks=params.launch.ranks,
            room=ROOM_TO_USE * free_bytes(device),
            device=device.type,
            bfloat16=resolve_precision(device, params.compute.precision) == "bfloat16",
        )
        if (config, batch) not in known:
            known[config, batch] = _speed(config, recipe, batch, params, matmul, device)
        training[name] = known[config, batch]
    return Rates(matmul_flops=matmul, training=training)


def measure_matmul(device: torch.device, precision: str) -> float:
    """FLOP/s of the best of a few square matrix products."""
    size = 8192 if device.type == "cuda" else 768
    bfloat16 = resolve_precision(device, precision) == "bfloat16"
    matrix = torch.ones(size, size, device=device, dtype=torch.bfloat16 if bfloat16 else None)
    best = _best_of(5, lambda: matrix @ matrix, device)
    return 2.0 * size**3 / best


def _speed(
    config: ModelConfig,
    recipe: Recipe,
    batch: int,
    params: Params,
    matmul: float,
    device: torch.device,
) -> Speed:
    estimate = matmul * EFFICIENCY[device.type] / flops_per_token(config)
    batch = max(1, min(batch, int(estimate * _STEP_SECONDS / config.context_length)))
    if batch * config.context_length / estimate > 2 * _STEP_SECONDS:
        return Speed(tokens_per_second=estimate, measured=False)
    seconds = _step_seconds(config, recipe, batch, params, device)
    return Speed(tokens_per_second=batch * config.context_length / seconds, measured=True)


def _step_seconds(
    config: ModelConfig, recipe: Recipe, batch: int, params: Params, device: torch.device
) -> float:
    """Best time of one real optimiser step on random tokens."""
    model = build_model(config, seed=0).to(device).train()
    optimiser = build_optimiser(model, dataclasses.replace(recipe, learning_rate=1e-4))
    tokens_BT = torch.randint(config.vocab_size, (batch, config.context_length), device=device)

    def step() -> None:
        with autocast(device, params.compute.precision):
            loss = next_token_loss(model, tokens_BT, tokens_BT)
        loss.backward()
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)

    return _best_of(_MOST_STEPS, step, device)


def _best_of(most: int, work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the fastest call, the first one not counted; stops after _SHAPE_SECONDS."""
    work()
    best, spent = float("inf"), 0.0
    for _ in range(most):
        start = _clock(device)
        work()
        best = min(best, _clock(device) - start)
        spent += best
        if spent > _SHAPE_SECONDS:
            break
    return best


def _clock(device: torch.device) -> float:
    """Seconds of work: on a CPU its own time, so that other programs' load does not count."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
        return time.perf_counter()
    return time.process_time() / torch.get_num_threads()
