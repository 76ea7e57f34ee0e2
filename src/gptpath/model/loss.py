"""Next-token cross-entropy without all logits in memory at once.

Shapes in names: B batch, T position, N = B x T positions, D n_embd, V vocabulary.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gptpath.model.build import LanguageModel

_CPU_CHUNK_LOGITS = 2**19
"""Logits at a time on the CPU: few enough to stay in a core's cache."""
_GPU_CHUNK_LOGITS = 2**28
"""Logits at a time elsewhere: enough to keep the device busy, a gigabyte in float32."""


def next_token_loss(model: LanguageModel, tokens_BT: Tensor, targets_BT: Tensor) -> Tensor:
    """Mean cross-entropy of `targets_BT` given `tokens_BT`, nats per token; a scalar."""
    x_BTD = model.hidden(tokens_BT)
    return linear_cross_entropy(x_BTD.flatten(0, 1), model.wte.weight, targets_BT.flatten())


def linear_cross_entropy(
    x_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, weights_N: Tensor | None = None
) -> Tensor:
    """Weighted sum of the cross-entropies of `targets_N` under logits `x_ND @ weight_VD.T`.

    Weights of None mean 1/N each: the mean. Logits, loss and gradients are computed together,
    chunk by chunk, so the logits of one chunk are all that exists at any time.
    """
    if weights_N is None:
        weights_N = x_ND.new_full((len(x_ND),), 1 / len(x_ND), dtype=torch.float32)
    return _LinearCrossEntropy.apply(x_ND, weight_VD, targets_N, weights_N)  # pyright: ignore[reportReturnType]


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x_ND: Tensor, weight_VD: Tensor, targets_N: Tensor, weights_N: Tensor
    ) -> Tensor:
        total = torch.zeros((), dtype=torch.float32, device=x_ND.device)
        grad_x_ND = torch.empty_like(x_ND)
        grad_weight_VD = torch.zeros_like(weight_VD)
        for rows in _chunks(len(x_ND), len(weight_VD), x_ND.device):
            x, targets, weights = x_ND[rows], targets_N[rows, None], weights_N[rows, None]
            # Softmax by hand and in place: the exponentials become the gradient of the logits.
            logits = F.linear(x, weight_VD).float()
            logits -= logits.amax(1, keepdim=True)
            at_target = logits.gather(1, targets)
            exponentials = logits.exp_()
            normaliser = exponentials.sum(1, keepdim=True)
            total += ((normaliser.log() - at_target) * weights).sum()
            gradient = exponentials.mul_(weights / normaliser)
            gradient.scatter_(1, targets, gradient.gather(1, targets) - weights)
            gradient = gradient.to(x.dtype)
            grad_x_ND[rows] = gradient @ weight_VD
            grad_weight_VD += gradient.t() @ x
        ctx.save_for_backward(grad_x_ND, grad_weight_VD)
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        grad_x_ND, grad_weight_VD = ctx.saved_tensors
        return grad_x_ND * grad_outputs[0], grad_weight_VD * grad_outputs[0], None, None


def token_log_probs(model: LanguageModel, tokens_BT: Tensor, targets_BT: Tensor) -> Tensor:
    """Log-probability of each target given the tokens up to its position: (B, T) float32, nats."""
    x_ND = model.hidden(tokens_BT).flatten(0, 1)
    targets_N = targets_BT.flatten()
    parts: list[Tensor] = []
    for rows in _chunks(len(x_ND), model.config.vocab_size, x_ND.device):
        logits = model.logits(x_ND[rows]).float()
        parts.append(-F.cross_entropy(logits, targets_N[rows], reduction="none"))
    return torch.cat(parts).view_as(targets_BT)


def _chunks(rows: int, vocab_size: int, device: torch.device) -> list[slice]:
    logits = _CPU_CHUNK_LOGITS if device.type == "cpu" else _GPU_CHUNK_LOGITS
    size = max(1, logits // vocab_size)
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
