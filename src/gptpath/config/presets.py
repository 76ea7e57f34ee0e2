"""Named models. A variant is `dataclasses.replace(gpt2_124m(), n_layer=24)`.

Sources: GPT-1 sec. 4.1 and openai/finetune-transformer-lm; GPT-2 Table 2 and openai/gpt-2.
The counts in the names are the later official ones; GPT-2's paper prints 117M to 1542M.
"""

from collections.abc import Callable
from dataclasses import replace

from gptpath.config.model import ModelConfig
from gptpath.errors import ConfigError

LAPTOP_INIT_STD = 0.08
"""The published 0.02 is for a width of 768; at a tenth of it, attention starts too flat to learn
in a few hundred steps (docs/log.md, 2026-11-24)."""


def gpt1_117m() -> ModelConfig:
    """GPT-1: 116,534,784 parameters (GPT-1 sec. 4.1; vocabulary of the released encoder)."""
    return ModelConfig(
        norm="post",
        n_layer=12,
        n_head=12,
        n_embd=768,
        context_length=512,
        vocab_size=40_478,
        dropout=0.1,
    )


def lstm_2048() -> ModelConfig:
    """GPT-1's baseline: one LSTM layer of 2,048 units in the same framework (GPT-1 sec. 5).

    The paper prints no more. Ours: embeddings as wide as GPT-1's, a projection to them for a tied
    head, GPT-1's dropout, and the usual LSTM initialisation; 55,745,792 parameters in all.
    """
    return ModelConfig(
        family="lstm",
        n_layer=1,
        n_embd=768,
        n_hidden=2048,
        context_length=512,
        vocab_size=40_478,
        dropout=0.1,
    )


def gpt2_124m() -> ModelConfig:
    """GPT-2 small: 124,439,808 parameters (GPT-2 Table 2, there called 117M).

    The training dropout was not published; 0.0 is nanoGPT's stand-in for pretraining.
    """
    return ModelConfig(
        norm="pre",
        n_layer=12,
        n_head=12,
        n_embd=768,
        context_length=1024,
        vocab_size=50_257,
        position_init_std=0.01,
        scale_residual_init=True,
    )


def gpt2_355m() -> ModelConfig:
    """GPT-2 medium: 354,823,168 parameters (GPT-2 Table 2, there called 345M)."""
    return replace(gpt2_124m(), n_layer=24, n_head=16, n_embd=1024)


def gpt2_774m() -> ModelConfig:
    """GPT-2 large: 774,030,080 parameters (GPT-2 Table 2, there called 762M)."""
    return replace(gpt2_124m(), n_layer=36, n_head=20, n_embd=1280)


def gpt2_1558m() -> ModelConfig:
    """GPT-2 XL: 1,557,611,200 parameters (GPT-2 Table 2, there called 1542M)."""
    return replace(gpt2_124m(), n_layer=48, n_head=25, n_embd=1600)


def gpt1_laptop() -> ModelConfig:
    """GPT-1's architecture at laptop size, without dropout: it sees no token twice."""
    return replace(
        gpt1_117m(),
        n_layer=3,
        n_head=3,
        n_embd=96,
        context_length=128,
        vocab_size=2048,
        dropout=0.0,
        init_std=LAPTOP_INIT_STD,
    )


def lstm_laptop() -> ModelConfig:
    """One LSTM layer, as in GPT-1 sec. 5, with about as many parameters as `gpt1_laptop`."""
    return ModelConfig(
        family="lstm",
        n_layer=1,
        n_embd=96,
        n_hidden=208,
        context_length=128,
        vocab_size=2048,
        init_std=LAPTOP_INIT_STD,
    )


def gpt2_laptop_s() -> ModelConfig:
    """GPT-2's architecture, smallest laptop size."""
    return replace(
        gpt2_124m(),
        n_layer=2,
        n_head=2,
        n_embd=64,
        context_length=128,
        vocab_size=2048,
        init_std=LAPTOP_INIT_STD,
    )


def gpt2_laptop_m() -> ModelConfig:
    """GPT-2's architecture, middle laptop size."""
    return replace(gpt2_laptop_s(), n_layer=3, n_head=3, n_embd=96)


def gpt2_laptop_l() -> ModelConfig:
    """GPT-2's architecture, largest laptop size."""
    return replace(gpt2_laptop_s(), n_layer=4, n_head=4, n_embd=128)


PRESETS: dict[str, Callable[[], ModelConfig]] = {
    preset.__name__: preset
    for preset in (
        gpt1_117m,
        lstm_2048,
        gpt2_124m,
        gpt2_355m,
        gpt2_774m,
        gpt2_1558m,
        gpt1_laptop,
        lstm_laptop,
        gpt2_laptop_s,
        gpt2_laptop_m,
        gpt2_laptop_l,
    )
}


def preset(name: str) -> ModelConfig:
    """Return the preset called `name`; a ConfigError lists the known ones."""
    if name not in PRESETS:
        raise ConfigError(f"unknown preset {name!r}; known: {', '.join(PRESETS)}")
    return PRESETS[name]()
