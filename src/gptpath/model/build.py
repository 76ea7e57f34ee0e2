"""From a ModelConfig to an initialised model, and what it costs."""

import math

import torch
from torch import nn

from gptpath.config.model import ModelConfig
from gptpath.model.lstm import LSTM
from gptpath.model.transformer import Transformer

LanguageModel = Transformer | LSTM


def empty_model(config: ModelConfig) -> LanguageModel:
    """Return the model of `config` on the `meta` device: shapes without storage."""
    with torch.device("meta"):
        return Transformer(config) if config.family == "transformer" else LSTM(config)


def build_model(config: ModelConfig, *, seed: int) -> LanguageModel:
    """Return a freshly initialised model on the CPU; the global random state stays untouched."""
    model = empty_model(config).to_empty(device="cpu")
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            _initialise(name, parameter, config, generator)
    return model


def _initialise(
    name: str, parameter: nn.Parameter, config: ModelConfig, generator: torch.Generator
) -> None:
    if config.family == "lstm" and name != "wte.weight":
        _initialise_lstm(name, parameter, config, generator)
    elif parameter.dim() == 1:
        # GPT-1 and GPT-2 code: gains 1, biases 0.
        parameter.fill_(1.0 if ".ln_" in f".{name}" and name.endswith("weight") else 0.0)
    else:
        std = config.position_init_std if name == "wpe.weight" else config.init_std
        if config.scale_residual_init and name.endswith("c_proj.weight"):
            # GPT-2 sec. 2.3: 1/sqrt(N) for N residual layers, two in each block.
            std /= math.sqrt(2 * config.n_layer)
        parameter.normal_(0.0, std, generator=generator)


def _initialise_lstm(
    name: str, parameter: nn.Parameter, config: ModelConfig, generator: torch.Generator
) -> None:
    assert config.n_hidden is not None
    if parameter.dim() == 2:
        # The usual range for LSTMs, projection included. GPT-1 prints none for its baseline; with
        # the Transformer's 0.02 everywhere, narrow LSTMs start too quiet to learn in few steps.
        bound = 1 / math.sqrt(config.n_hidden)
        parameter.uniform_(-bound, bound, generator=generator)
        return
    parameter.zero_()
    if "bias_ih" in name:
        # A forget gate that starts open (Jozefowicz et al. 2015); gate order: in, forget, cell, out
        parameter[config.n_hidden : 2 * config.n_hidden] = 1.0


def count_parameters(model: nn.Module) -> int:
    """All parameters of a model, the tied head counted once."""
    return sum(parameter.numel() for parameter in model.parameters())


def non_embedding_parameters(model: LanguageModel) -> int:
    """Parameters less the token and position tables."""
    tables = [model.wte] + ([model.wpe] if isinstance(model, Transformer) else [])
    return count_parameters(model) - sum(table.weight.numel() for table in tables)


def flops_per_token(config: ModelConfig) -> int:
    """Training FLOPs of one token, forward and backward: 6 N + 12 L d T.

    N is all parameters less the position table, so the tied token table counts once, as the head.
    The second term is attention over a full context T; the LSTM has none.
    """
    model = empty_model(config)
    if isinstance(model, LSTM):
        return 6 * count_parameters(model)
    matrices = count_parameters(model) - model.wpe.weight.numel()
    return 6 * matrices + 12 * config.n_layer * config.n_embd * config.context_length
