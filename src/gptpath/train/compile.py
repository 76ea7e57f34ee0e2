"""What torch.compile is asked to do: blocks and the softmax of the loss, nothing else.

On a CPU compiled training also has attention and, on some, matrix products of its own.

Each block is compiled on its own, so that all blocks share one compilation, and DDP, FSDP2 and
activation recomputation keep working around it. The chunked loss stays eager but for its inner
step on a GPU. Only training uses compiled code: validation and generation see other shapes, and
each shape would be compiled anew.
"""

import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from gptpath.model.attention import causal_attention
from gptpath.model.build import LanguageModel
from gptpath.model.loss import next_token_loss
from gptpath.model.products import faster_than_blas, onednn_linear
from gptpath.model.transformer import Block, Linear, Transformer
from gptpath.train.objective import Loss

logger = logging.getLogger(__name__)


def training_loss(model: LanguageModel, *, compile: bool) -> Loss:
    """Loss to train `model` with; with `compile`, the model's blocks are compiled in place.

    Where no compiler is at hand, a warning says so and everything stays eager.
    """
    if not compile:
        return next_token_loss
    device = model.wte.weight.device
    if (reason := _cannot_compile(device)) is not None:
        logger.warning(
            "compute.compile=true, but torch.compile does not work here (%s); training goes on "
            "without it, more slowly; install a C++ compiler (g++), or set compute.compile: false",
            reason,
        )
        return next_token_loss
    if isinstance(model, Transformer):
        apart: Any = torch.compiler.disable(causal_attention)  # nothing in it could be fused
        compiled = torch.compile(Block.forward, dynamic=False)
        for block in model.h:
            assert isinstance(block, Block), "the blocks of a Transformer"
            block.attn.attend_short = apart
            block.forward = partial(_forward, compiled, block)
    if device.type == "cpu":
        return _loss_on_cpu(model)
    gradient = torch.compile(fused_logit_gradient, fullgraph=True, dynamic=False)
    return partial(next_token_loss, gradient=gradient)


def _loss_on_cpu(model: LanguageModel) -> Loss:
    """The eager loss, whose chunks stay in the cache so that fusion gains nothing."""
    if not faster_than_blas():
        return next_token_loss
    for module in model.modules():
        if isinstance(module, Linear):
            module.multiply = onednn_linear
    return partial(next_token_loss, multiply=onednn_linear)


def _forward(
    compiled: Callable[..., Tensor], block: Block, x_BTD: Tensor, cache: Any, packing: Any = None
) -> Tensor:
    training = cache is None and packing is None and torch.is_grad_enabled()
    return (compiled if training else Block.forward)(block, x_BTD, cache, packing)


def fused_logit_gradient(
    logits_NV: Tensor, targets_N1: Tensor, weights_N1: Tensor, vocab_size: int
) -> tuple[Tensor, Tensor]:
    """`gptpath.model.loss.logit_gradient` in a form that fuses into two passes over the logits.

    No float32 logits are ever in memory, and nothing is scattered, which on a GPU would be slow
    where it has to be repeatable.
    """
    columns_V = torch.arange(logits_NV.size(1), device=logits_NV.device)
    logits = logits_NV.float()
    if vocab_size < logits.size(1):
        logits = torch.where(columns_V < vocab_size, logits, -torch.inf)
    logits = logits - logits.amax(1, keepdim=True)
    exponentials = logits.exp()
    normaliser = exponentials.sum(1, keepdim=True)
    is_target = columns_V == targets_N1
    at_target = torch.where(is_target, logits, 0.0).sum(1, keepdim=True)
    total = ((normaliser.log() - at_target) * weights_N1).sum()
    gradient = exponentials * (weights_N1 / normaliser) - torch.where(is_target, weights_N1, 0.0)
    return total, gradient.to(logits_NV.dtype)


def _cannot_compile(device: torch.device) -> str | None:
    """Why torch.compile fails on `device`, or None if a trial works."""
    try:
        torch.compile(lambda x: x + 1)(torch.zeros(8, device=device))
    except Exception as error:  # whatever a compiler, a driver or a read-only folder may cause
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    return None
