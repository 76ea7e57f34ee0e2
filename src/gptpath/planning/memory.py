"""Bytes that models take in memory, by formula.

Letters: N parameters, L layers, d n_embd, T context_length, V vocab_size, B sequences at once.
"""

from gptpath.config.model import ModelConfig
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


def training_bytes(config: ModelConfig, *, sequences: int, device: str, bfloat16: bool) -> int:
    """Weights, gradients, two Adam moments (4 bytes each) and the activations of B sequences."""
    kept = 2 if bfloat16 else 4
    positions = sequences * config.context_length
    if config.family == "lstm":
        assert config.n_hidden is not None
        per_position = config.n_layer * _LSTM_WIDTHS * config.n_hidden
    else:
        per_position = config.n_layer * _BLOCK_WIDTHS * config.n_embd
    logits = min(positions * config.vocab_size, _LOGITS_AT_ONCE[device]) * 4
    head = config.vocab_size * config.n_embd * 4  # the loss accumulates the head's gradient apart
    return 16 * parameters(config) + kept * positions * per_position + logits + head


def evaluation_bytes(config: ModelConfig, *, sequences: int, device: str) -> int:
    """Weights, one block's activations and a chunk of logits."""
    positions = sequences * config.context_length
    logits = min(positions * config.vocab_size, _LOGITS_AT_ONCE[device]) * 8
    return 4 * parameters(config) + 4 * positions * _BLOCK_WIDTHS * config.n_embd + logits
