"""Linear maps by oneDNN's kernels, which come with torch, on CPUs where its BLAS does worse.

torch multiplies float32 matrices on x86 by MKL, which leaves an AMD core 10 to 15 % of its rate;
oneDNN does not (docs/adr/0006-onednn-products.md). Gradients of weights stay with MKL, which is
the faster one there.
"""

import platform
from functools import cache
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_CPU_INFO = Path("/proc/cpuinfo")


@cache
def faster_than_blas() -> bool:
    """Whether `onednn_linear` is worth it: on Linux with an x86 CPU by AMD."""
    if not torch.backends.mkldnn.is_available() or not hasattr(
        torch.ops.mkldnn, "_linear_pointwise"
    ):
        return False
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        return False
    return "AuthenticAMD" in _CPU_INFO.read_text()


def onednn_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """`F.linear`, differentiable and compilable: (..., K), (N, K), (N,) -> (..., N).

    Each shape of operands is prepared once, which takes a millisecond or two: for work in few
    shapes. What is not in float32 on a CPU is left to `F.linear`.
    """
    if (
        x.device.type != "cpu"
        or x.dtype != torch.float32
        or weight.dtype != torch.float32
        or torch.is_autocast_enabled("cpu")
    ):
        return F.linear(x, weight, bias)
    return _linear(x, weight, bias)


@torch.library.custom_op("gptpath::linear", mutates_args=(), device_types="cpu")
def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")


@_linear.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    return x.new_empty(*x.shape[:-1], len(weight))


def _keep(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor | None], output: Tensor) -> None:
    x, weight, bias = inputs
    ctx.save_for_backward(x, weight)
    ctx.has_bias = bias is not None


def _gradients(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    x, weight = ctx.saved_tensors
    grad_NM, x_NK = grad.flatten(0, -2), x.flatten(0, -2)
    grad_bias = grad_NM.sum(0) if ctx.has_bias else None
    return _linear(grad, weight.t(), None), grad_NM.t() @ x_NK, grad_bias


_linear.register_autograd(_gradients, setup_context=_keep)
