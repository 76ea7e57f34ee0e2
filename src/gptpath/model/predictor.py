"""What scoring and generation ask of a model: final states, a memory of what was read, a head.

`Transformer` and `LSTM` of `gptpath.model` fit as they are; `gptpath.zeroshot.hub_model` makes any
causal model of transformers fit.
"""

from typing import Any, Protocol

import torch
from torch import Tensor

from gptpath.model.lstm import LSTM
from gptpath.model.transformer import Transformer


class Shape(Protocol):
    """The two numbers of a model's configuration that scoring needs."""

    @property
    def context_length(self) -> int:
        """Most positions the model reads at once."""
        ...

    @property
    def vocab_size(self) -> int:
        """Number of token ids."""
        ...


class Past(Protocol):
    """What a model remembers of the positions it has read."""

    def select(self, rows: Tensor) -> Any:
        """A memory whose row i is a copy of row `rows[i]`; the old one stays as it is."""
        ...


class Predictor(Protocol):
    """A causal language model.

    Optional: `head`, a pair (weight (V, D), bias (V,) or None) with `logits(x) = x W^T + b`, which
    lets scoring walk over the vocabulary in blocks; `keeps_past`, False where `new_cache` is idle.
    """

    @property
    def config(self) -> Shape:
        """Context and vocabulary."""
        ...

    def hidden(self, tokens_BT: Tensor, cache: Any = None) -> Tensor:
        """Final states (B, T, D) of ids (B, T); with a cache, they follow what it remembers."""
        ...

    def logits(self, x_D: Tensor) -> Tensor:
        """Unnormalised scores (..., V) of final states (..., D)."""
        ...

    def new_cache(self, batch_size: int) -> Any:
        """An empty `Past` for so many sequences."""
        ...

    def parameters(self) -> Any:
        """The weights; they tell the device."""
        ...


def head_of(model: Predictor) -> tuple[Tensor, Tensor | None] | None:
    """Weight and bias of the head, where the head is nothing more than that."""
    if isinstance(model, Transformer | LSTM):
        return model.wte.weight, None
    return getattr(model, "head", None)


def keeps_past(model: Predictor) -> bool:
    """Whether a prefix can be read once and continued several times."""
    return bool(getattr(model, "keeps_past", True))


def device_of(model: Predictor) -> torch.device:
    """Where the model's weights lie."""
    return next(iter(model.parameters())).device
