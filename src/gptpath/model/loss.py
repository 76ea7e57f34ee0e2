"""Next-token cross-entropy without all logits in memory at once.

Shapes in names: B batch, T position, N = B x T positions, D n_embd, V vocabulary, P vocabulary
padded.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gptpath.model.build import LanguageModel

_CPU_CHUNK_LOGITS = 2**19
"""Logits at a time on the CPU: few enough to stay in a core's cache."""
_CPU_FEWEST_ROWS, _CPU_LARGE_ROWS, _CPU_LARGE_LOGITS = 256, 1024, 2**24
"""Where that would be fewer positions than the first number, there are as many as the second (as
far as the third, 64 MB, allows): each chunk also reads and writes a gradient of (V, D)."""
_GPU_CHUNK_LOGITS = 2**28
"""Logits at a time elsewhere: enough to keep the device busy, a gigabyte in float32."""
_GPU_MULTIPLE = 128
"""GPUs multiply matrices at full speed only if their sides are multiples of this."""

LogitGradient = Callable[[Tensor, Tensor, Tensor, int], tuple[Tensor, Tensor]]
"""Signature of `logit_gradient`."""
Multiply = Callable[[Tensor, Tensor], Tensor]
"""Signature of `F.linear` without bias."""


def logit_gradient(
    logits_NV: Tensor, targets_N1: Tensor, weights_N1: Tensor, vocab_size: int
) -> tuple[Tensor, Tensor]:
    """Weighted cross-entropies' sum, and its gradient with respect to the logits, in their dtype.

    Logits from column `vocab_size` on are padding: they have no probability and gradient 0. The
    float32 steps are made in place, so the softmax is written by hand.
    """
    logits = logits_NV.float()
    if vocab_size < logits.size(1):
        logits[:, vocab_size:] = -torch.inf
    logits -= logits.amax(1, keepdim=True)
    at_target = logits.gather(1, targets_N1)
    exponentials = logits.exp_()
    normaliser = exponentials.sum(1, keepdim=True)
    total = ((normaliser.log() - at_target) * weights_N1).sum()
    gradient = exponentials.mul_(weights_N1 / normaliser)
    gradient.scatter_(1, targets_N1, gradient.gather(1, targets_N1) - weights_N1)
    return total, gradient.to(logits_NV.dtype)


def next_token_loss(
    model: LanguageModel,
    tokens_BT: Tensor,
    targets_BT: Tensor,
    *,
    gradient: LogitGradient = logit_gradient,
    multiply: Multiply = F.linear,
) -> Tensor:
    """Mean cross-entropy of `targets_BT` given `tokens_BT`, nats per token; a scalar."""
    x_ND = model.hidden(tokens_BT).flatten(0, 1)
    return linear_cross_entropy(
        x_ND, model.wte.weight, targets_BT.flatten(), gradient=gradient, multiply=multiply
    )


def linear_cross_entropy(
    x_ND: Tensor,
    weight_VD: Tensor,
    targets_N: Tensor,
    weights_N: Tensor | None = None,
    *,
    gradient: LogitGradient = logit_gradient,
    multiply: Multiply = F.linear,
    multiple: int | None = None,
) -> Tensor:
    """Weighted sum of the cross-entropies of `targets_N` under logits `x_ND @ weight_VD.T`.

    Weights of None mean 1/N each: the mean. Logits, loss and gradients are computed together,
    chunk by chunk, so the logits of one chunk are all that exists at any time. Inside, the
    vocabulary is padded to a `multiple` of columns (None: as suits the device), which changes
    neither the loss nor the shape of anything outside.

    `gradient` is `logit_gradient` or a compiled version of it, `multiply` the product of states and
    weight, and of the logits' gradient and the weight. The whole is not for compiling:
    unrolled over its chunks it takes a minute and gains nothing.
    """
    if weights_N is None:
        weights_N = x_ND.new_full((len(x_ND),), 1 / len(x_ND), dtype=torch.float32)
    if multiple is None:
        multiple = 1 if x_ND.device.type == "cpu" else _GPU_MULTIPLE
    return _LinearCrossEntropy.apply(  # pyright: ignore[reportReturnType]
        x_ND, weight_VD, targets_N, weights_N, gradient, multiply, multiple
    )


class _LinearCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x_ND: Tensor,
        weight_VD: Tensor,
        targets_N: Tensor,
        weights_N: Tensor,
        gradient: LogitGradient,
        multiply: Multiply,
        multiple: int,
    ) -> Tensor:
        device, vocab_size = x_ND.device, len(weight_VD)
        total = torch.zeros((), dtype=torch.float32, device=device)
        grad_x_ND = torch.empty_like(x_ND)
        grad_weight_VD = torch.zeros_like(weight_VD)
        cast_x_ND, cast_weight_PD = _cast_and_pad(x_ND, weight_VD, multiple)
        with torch.autocast(device.type, enabled=False):
            for rows in _chunks(len(x_ND), len(cast_weight_PD), device):
                x = cast_x_ND[rows]
                logits_NP = multiply(x, cast_weight_PD)
                targets_N1, weights_N1 = targets_N[rows, None], weights_N[rows, None]
                part, gradient_NP = gradient(logits_NP, targets_N1, weights_N1, vocab_size)
                total += part
                grad_x_ND[rows] = multiply(gradient_NP, cast_weight_PD.t())
                if gradient_NP.dtype == grad_weight_VD.dtype:  # added up within the product
                    grad_weight_VD.addmm_(gradient_NP[:, :vocab_size].t(), x)
                else:
                    grad_weight_VD += (gradient_NP.t() @ x)[:vocab_size]
        ctx.save_for_backward(grad_x_ND, grad_weight_VD)
        return total

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        grad_x_ND, grad_weight_VD = ctx.saved_tensors
        (grad,) = grad_outputs
        # In place: no second copy at the moment when memory is fullest, and no second backward.
        return grad_x_ND.mul_(grad), grad_weight_VD.mul_(grad), None, None, None, None, None


def _cast_and_pad(x_ND: Tensor, weight_VD: Tensor, multiple: int) -> tuple[Tensor, Tensor]:
    """Both operands as autocast would have them, the weight with rows of zeros at its end."""
    device = x_ND.device.type
    cast = torch.is_autocast_enabled(device)
    dtype = torch.get_autocast_dtype(device) if cast else x_ND.dtype
    rows = -(-len(weight_VD) // multiple) * multiple
    if rows == len(weight_VD):
        return x_ND.to(dtype), weight_VD.to(dtype)
    weight_PD = weight_VD.new_zeros((rows, weight_VD.size(1)), dtype=dtype)
    weight_PD[: len(weight_VD)] = weight_VD
    return x_ND.to(dtype), weight_PD


def token_log_probs(model: LanguageModel, tokens_BT: Tensor, targets_BT: Tensor) -> Tensor:
    """Log-probability of each target given the tokens up to its position: (B, T) float32, nats."""
    x_ND = model.hidden(tokens_BT).flatten(0, 1)
    targets_N = targets_BT.flatten()
    parts: list[Tensor] = []
    for rows in _chunks(len(x_ND), model.config.vocab_size, x_ND.device):
        logits = model.logits(x_ND[rows]).float()
        parts.append(-F.cross_entropy(logits, targets_N[rows], reduction="none"))
    return torch.cat(parts).view_as(targets_BT)


def positions_at_once(vocab_size: int, device_type: str) -> int:
    """Positions whose logits are in memory at one time."""
    if device_type != "cpu":
        # A power of two, so that chunks are of one size, for which the gradient is compiled once.
        return 1 << (max(1, _GPU_CHUNK_LOGITS // vocab_size).bit_length() - 1)
    size = _CPU_CHUNK_LOGITS // vocab_size
    if size < _CPU_FEWEST_ROWS:
        size = max(1, min(_CPU_LARGE_ROWS, _CPU_LARGE_LOGITS // vocab_size))
    return size


def _chunks(rows: int, vocab_size: int, device: torch.device) -> list[slice]:
    size = positions_at_once(vocab_size, device.type)
    return [slice(start, min(start + size, rows)) for start in range(0, rows, size)]
