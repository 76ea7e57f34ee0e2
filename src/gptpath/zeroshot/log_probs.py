"""Float32 log-softmax of single tokens, block by block, so that no table of logits ever exists.

Shapes in names: M scored positions, m some of them, D state, V vocabulary, v a block of it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gptpath.model.predictor import Predictor, head_of

ROWS_AT_ONCE = {"cpu": 128, "cuda": 8192}
BLOCK = {"cpu": 2048, "cuda": 16384}
"""Positions and vocabulary entries multiplied at once: 1 MiB of logits, what a core's cache holds,
and 512 MiB."""

ROW_QUANTUM = 16
"""Positions are filled up to a multiple of this: matrix kernels round a row alike in all such
heights, but not in some of 1 to 11 rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a model says of M tokens at M positions."""

    log_probs_M: Tensor
    """Natural log-probabilities, float32."""
    greedy_M: Tensor
    """True where no other token is more probable."""


def judge(model: Predictor, x_MD: Tensor, targets_M: Tensor) -> Judged:
    """Log-probability of `targets_M` at the final states `x_MD`."""
    count = len(x_MD)
    missing = -count % ROW_QUANTUM
    if missing:
        x_MD = torch.cat([x_MD, x_MD[:1].expand(missing, -1)])
        targets_M = torch.cat([targets_M, targets_M[:1].expand(missing)])
    head = head_of(model)
    if head is None:
        judged = _judge_by_rows(model, x_MD, targets_M)
    else:
        judged = _judge_by_blocks(*head, x_MD, targets_M)
    return Judged(judged.log_probs_M[:count], judged.greedy_M[:count])


def _judge_by_rows(model: Predictor, x_MD: Tensor, targets_M: Tensor) -> Judged:
    """Whole rows of logits, ROW_QUANTUM of them at a time: a head that is no plain matrix."""
    log_probs: list[Tensor] = []
    greedy: list[Tensor] = []
    for x_mD, targets_m in zip(x_MD.split(ROW_QUANTUM), targets_M.split(ROW_QUANTUM), strict=True):
        logits_mV = model.logits(x_mD).float()
        chosen_m = logits_mV.gather(-1, targets_m[:, None])[:, 0]
        log_probs.append(chosen_m - logits_mV.logsumexp(-1))
        greedy.append(chosen_m >= logits_mV.amax(-1))
    return Judged(torch.cat(log_probs), torch.cat(greedy))


def _judge_by_blocks(
    weight_VD: Tensor, bias_V: Tensor | None, x_MD: Tensor, targets_M: Tensor
) -> Judged:
    """Vocabulary outside, positions inside, so that a block of the head is read from memory once.

    log sum exp over the vocabulary is that of the blocks' own.
    """
    rows, size = ROWS_AT_ONCE[x_MD.device.type], BLOCK[x_MD.device.type]
    x_MD = x_MD.to(weight_VD.dtype)
    chosen_M = x_MD.new_empty(len(x_MD), dtype=torch.float32)
    tops: list[Tensor] = []
    sums: list[Tensor] = []
    memory = x_MD.new_empty(min(rows, len(x_MD)) * min(size, len(weight_VD)))
    for start in range(0, len(weight_VD), size):
        weight_Dv = weight_VD[start : start + size].T
        top_M, sum_M = torch.empty_like(chosen_M), torch.empty_like(chosen_M)
        for first in range(0, len(x_MD), rows):
            here = slice(first, first + rows)
            x_mD, places_m = x_MD[here], targets_M[here] - start
            v = weight_Dv.shape[1]
            logits_mv = memory[: len(x_mD) * v].view(len(x_mD), v)
            torch.mm(x_mD, weight_Dv, out=logits_mv)
            if bias_V is not None:
                logits_mv += bias_V[start : start + size]
            values_mv = logits_mv.float()  # the same memory for a float32 head
            inside_m = (places_m >= 0) & (places_m < v)
            found_m = values_mv.gather(-1, places_m.clamp(0, v - 1)[:, None])[:, 0]
            chosen_M[here] = torch.where(inside_m, found_m, chosen_M[here])
            top_m = values_mv.amax(-1)
            top_M[here] = top_m
            sum_M[here] = values_mv.sub_(top_m[:, None]).exp_().sum(-1)
        tops.append(top_M)
        sums.append(sum_M)
    tops_BM = torch.stack(tops)
    # In float64, as single float32 logarithms round by their place in a vector.
    log_sum_M = (tops_BM.double() + torch.stack(sums).double().log()).logsumexp(0)
    return Judged(chosen_M - log_sum_M.float(), chosen_M >= tops_BM.amax(0))
