"""Causal attention for training short contexts on a CPU, half of whose work is not done.

torch's fused kernel for CPUs computes the masked half of the scores too, and all scores twice:
in the backward pass again. Here they are computed in blocks of rows up to the diagonal, once.

Shapes in names: B batch, T position, D n_embd, H head, K head_dim, N = B x H; R rows of a block,
S positions up to the end of the block.
"""

import math
from typing import Any

import torch
from torch import Tensor

LONGEST = 512
"""Positions; the probabilities kept for the backward pass grow with the square of them."""
_ROWS = 64


def is_short_training(qkv_BTE: Tensor) -> bool:
    """Whether `causal_attention` is to attend within `qkv_BTE`: compiled training on a CPU.

    Only compiled training, so that eager training keeps the sums of torch's own kernel.
    """
    return (
        torch.compiler.is_compiling()
        and qkv_BTE.device.type == "cpu"
        and qkv_BTE.dtype == torch.float32
        and qkv_BTE.size(1) <= LONGEST
    )


def causal_attention(qkv_BTE: Tensor, n_head: int) -> Tensor:
    """Attention of each position to those up to it: queries, keys, values (B, T, 3 D) -> (B, T, D).

    Equals scaled_dot_product_attention(is_causal=True) without dropout.
    """
    return _CausalAttention.apply(qkv_BTE, n_head)  # pyright: ignore[reportReturnType]


class _CausalAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, qkv_BTE: Tensor, n_head: int) -> Tensor:
        B, T, E = qkv_BTE.shape
        K = E // 3 // n_head
        by_head = qkv_BTE.view(B, T, 3, n_head, K).permute(2, 0, 3, 1, 4)
        copied = by_head.clone(memory_format=torch.contiguous_format)
        q_NTK, k_NTK, v_NTK = copied.view(3, B * n_head, T, K).unbind(0)
        q_NTK.mul_(1 / math.sqrt(K))
        y_NTK = torch.empty_like(q_NTK)
        probabilities: list[Tensor] = []
        future_RR = q_NTK.new_full((_ROWS, _ROWS), -torch.inf).triu_(1)
        for rows, end in _blocks(T):
            scores_NRS = torch.bmm(q_NTK[:, rows], k_NTK[:, :end].mT)
            size = scores_NRS.size(1)
            scores_NRS[:, :, rows] += future_RR[:size, :size]
            p_NRS = torch.softmax(scores_NRS, -1)
            y_NTK[:, rows] = torch.bmm(p_NRS, v_NTK[:, :end])
            probabilities.append(p_NRS)
        ctx.save_for_backward(q_NTK, k_NTK, v_NTK, *probabilities)
        ctx.n_head = n_head
        return y_NTK.view(B, n_head, T, K).transpose(1, 2).reshape(B, T, E // 3)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        q_NTK, k_NTK, v_NTK, *probabilities = ctx.saved_tensors
        N, T, K = q_NTK.shape
        B, H = N // ctx.n_head, ctx.n_head
        grad_NTK = grad_outputs[0].view(B, T, H, K).transpose(1, 2).reshape(N, T, K)
        grads = q_NTK.new_empty(3, N, T, K)
        grad_q_NTK, grad_k_NTK, grad_v_NTK = grads.unbind(0)
        # The last block attends to everything, so its gradients open the sums.
        for (rows, end), p_NRS in reversed(list(zip(_blocks(T), probabilities, strict=True))):
            grad_NRK = grad_NTK[:, rows]
            grad_p_NRS = torch.bmm(grad_NRK, v_NTK[:, :end].mT)
            grad_NRS = torch.ops.aten._softmax_backward_data(grad_p_NRS, p_NRS, -1, p_NRS.dtype)
            grad_q_NTK[:, rows] = torch.bmm(grad_NRS, k_NTK[:, :end])
            # Not baddbmm_, which falls back to one product after the other on parts of a tensor.
            parts = torch.bmm(grad_NRS.mT, q_NTK[:, rows]), torch.bmm(p_NRS.mT, grad_NRK)
            for total_NTK, part_NSK in zip((grad_k_NTK, grad_v_NTK), parts, strict=True):
                if end == T:
                    total_NTK.copy_(part_NSK)
                else:
                    total_NTK[:, :end] += part_NSK
        grad_q_NTK.mul_(1 / math.sqrt(K))
        return grads.view(3, B, H, T, K).permute(1, 3, 0, 2, 4).reshape(B, T, 3 * H * K), None


def _blocks(length: int) -> list[tuple[slice, int]]:
    """Rows of each block, and the end of what they attend to."""
    ends = [*range(_ROWS, length, _ROWS), length]
    starts = range(0, length, _ROWS)
    return [(slice(start, end), end) for start, end in zip(starts, ends, strict=True)]
