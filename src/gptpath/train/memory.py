"""Bytes that models take in memory, by formula; and how many there are.

Letters: N parameters, L layers, d n_embd, T context_length, V vocab_size, B sequences at once.
"""

import os
import re
from pathlib import Path

from gptpath.config.model import ModelConfig
from gptpath.config.sections import Recipe
from gptpath.model.build import count_parameters, empty_model

PROCESS_BYTES = 600_000_000
"""Python with torch and a stage's libraries, before any model."""

_LOGITS_AT_ONCE = {"cpu": 2**19, "cuda": 2**28}
"""The loss is computed in chunks of this many logits (model/loss.py)."""
_BLOCK_WIDTHS = 16
"""Tensors of width d that a block keeps for the backward pass: both norms' inputs and outputs,
q, k and v, the attention's output, and 4 d before and after the GELU."""
_LSTM_WIDTHS = 8
"""Tensors of width n_hidden that an LSTM layer keeps: four gates, cell, its tanh, output, input."""


def parameters(config: ModelConfig) -> int:
    """Parameters of a shape, counted on the meta device: nothing is allocated."""
    return count_parameters(empty_model(config))


def training_bytes(
    config: ModelConfig, *, sequences: int, device: str, bfloat16: bool, recompute: bool = False
) -> int:
    """Weights, gradients, two Adam moments (4 bytes each) and the activations of B sequences.

    With `recompute`, blocks keep their inputs alone, and one block at a time all the rest.
    """
    kept = 2 if bfloat16 else 4
    positions = sequences * config.context_length
    if config.family == "lstm":
        assert config.n_hidden is not None
        per_position = config.n_layer * _LSTM_WIDTHS * config.n_hidden
    else:
        widths = config.n_layer + _BLOCK_WIDTHS if recompute else config.n_layer * _BLOCK_WIDTHS
        per_position = widths * config.n_embd
    logits = min(positions * config.vocab_size, _LOGITS_AT_ONCE[device]) * 4
    head = config.vocab_size * config.n_embd * 4  # the loss accumulates the head's gradient apart
    return 16 * parameters(config) + kept * positions * per_position + logits + head


def evaluation_bytes(config: ModelConfig, *, sequences: int, device: str) -> int:
    """Weights, one block's activations and a chunk of logits."""
    positions = sequences * config.context_length
    logits = min(positions * config.vocab_size, _LOGITS_AT_ONCE[device]) * 8
    return 4 * parameters(config) + 4 * positions * _BLOCK_WIDTHS * config.n_embd + logits


def divisors(count: int) -> list[int]:
    """All divisors of `count`, smallest first: the sizes into which a share can be cut."""
    return [size for size in range(1, count + 1) if count % size == 0]


def expected_micro_batch(
    config: ModelConfig, recipe: Recipe, *, ranks: int, room: float, device: str, bfloat16: bool
) -> int:
    """Sequences that a rank takes at once; for `auto` by formula, within `room` bytes if it can."""
    share = recipe.batch_size_sequences // ranks
    micro = recipe.micro_batch_size_sequences
    if micro != "auto":
        return micro or share
    fitting = [
        size
        for size in divisors(share)
        if training_bytes(
            config,
            sequences=size,
            device=device,
            bfloat16=bfloat16,
            recompute=recipe.recompute_activations,
        )
        <= room
    ]
    return fitting[-1] if fitting else 1


def free_host_bytes() -> int:
    """Memory that this process may still take: of the machine, or of its container if less."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii")
        free = int(re.findall(r"^MemAvailable:\s+(\d+) kB", lines, re.M)[0]) * 1024
    except (OSError, IndexError):
        free = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit, used = (
            Path("/sys/fs/cgroup", name).read_text(encoding="ascii").strip()
            for name in ("memory.max", "memory.current")
        )
        return min(free, int(limit) - int(used))
    except (OSError, ValueError):  # no container, or one without a limit
        return free
