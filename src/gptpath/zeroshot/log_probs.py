"""Float32 log-softmax of single tokens, block by block, so that no table of logits ever exists.

Shapes in names: M scored positions, m some of them, D state, V vocabulary, v a block of it.
"""

from collections.abc import Mapping, Sequence
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


Barred = Mapping[tuple[int, ...], Sequence[int]]
"""Token ids -> the positions at which they do not compete for being the most probable."""


def judge(model: Predictor, x_MD: Tensor, targets_M: Tensor, barred: Barred) -> Judged:
    """Log-probability of `targets_M` at the final states `x_MD`."""
    count = len(x_MD)
    missing = -count % ROW_QUANTUM
    if missing:
        x_MD = torch.cat([x_MD, x_MD[:1].expand(missing, -1)])
        targets_M = torch.cat([targets_M, targets_M[:1].expand(missing)])
    head = head_of(model)
    if head is None:
        judged = _judge_by_rows(model, x_MD, targets_M, barred)
    else:
        judged = _judge_by_blocks(*head, x_MD, targets_M, barred)
    for ids, places in barred.items():
        own_m = targets_M[list(places)]
        judged.greedy_M[list(places)] &= ~torch.isin(own_m, own_m.new_tensor(ids))
    return Judged(judged.log_probs_M[:count], judged.greedy_M[:count])


def _judge_by_rows(model: Predictor, x_MD: Tensor, targets_M: Tensor, barred: Barred) -> Judged:
    """Whole rows of logits, ROW_QUANTUM of them at a time: a head that is no plain matrix."""
    log_probs: list[Tensor] = []
    greedy: list[Tensor] = []
    for first in range(0, len(x_MD), ROW_QUANTUM):
        here = slice(first, first + ROW_QUANTUM)
        logits_mV = model.logits(x_MD[here]).float()
        chosen_m = logits_mV.gather(-1, targets_M[here, None])[:, 0]
        log_probs.append(chosen_m - logits_mV.logsumexp(-1))
        greedy.append(chosen_m >= _rivals(logits_mV, first, 0, barred))
    return Judged(torch.cat(log_probs), torch.cat(greedy))


def _judge_by_blocks(
    weight_VD: Tensor, bias_V: Tensor | None, x_MD: Tensor, targets_M: Tensor, barred: Barred
) -> Judged:
    """Vocabulary outside, positions inside, so that a block of the head is read from memory once.

    log sum exp over the vocabulary is that of the blocks' own.
    """
    rows, size = ROWS_AT_ONCE[x_MD.device.type], BLOCK[x_MD.device.type]
    count, vocabulary = len(x_MD), len(weight_VD)
    x_MD = x_MD.to(weight_VD.dtype)
    blocks = -(-vocabulary // size)
    chosen_M = x_MD.new_empty(count, dtype=torch.float32)
    sums_BM, rivals_BM = chosen_M.new_empty(blocks, count), chosen_M.new_empty(blocks, count)
    memory = x_MD.new_empty(min(rows, count) * min(size, vocabulary))
    for block, start in enumerate(range(0, vocabulary, size)):
        weight_Dv = weight_VD[start : start + size].T
        v = weight_Dv.shape[1]
        for first in range(0, count, rows):
            here = slice(first, first + rows)
            x_mD, places_m = x_MD[here], targets_M[here] - start
            logits_mv = memory[: len(x_mD) * v].view(len(x_mD), v)
            torch.mm(x_mD, weight_Dv, out=logits_mv)
            if bias_V is not None:
                logits_mv += bias_V[start : start + size]
            values_mv = logits_mv.float()  # the same memory for a float32 head
            inside_m = (places_m >= 0) & (places_m < v)
            found_m = values_mv.gather(-1, places_m.clamp(0, v - 1)[:, None])[:, 0]
            chosen_M[here] = torch.where(inside_m, found_m, chosen_M[here])
            top_m = values_mv.amax(-1)
            rivals_BM[block, here] = _rivals(values_mv, first, start, barred, top_m)
            sum_m = values_mv.sub_(top_m[:, None]).exp_().sum(-1)
            # In float64, as float32 logarithms round by their place in a vector.
            sums_BM[block, here] = (top_m.double() + sum_m.double().log()).float()
    log_sum_M = sums_BM.double().logsumexp(0).float()
    return Judged(chosen_M - log_sum_M, chosen_M >= rivals_BM.amax(0))


def _rivals(
    logits_mv: Tensor, first: int, start: int, barred: Barred, top_m: Tensor | None = None
) -> Tensor:
    """Highest logit of each row that competes; `first` and `start` are the first row and id."""
    rivals_m = logits_mv.amax(-1) if top_m is None else top_m.clone()
    for ids, places in barred.items():
        rows = [place - first for place in places if first <= place < first + len(logits_mv)]
        out = [i - start for i in ids if start <= i < start + logits_mv.shape[1]]
        if rows and out:
            competing = logits_mv[rows]
            competing[:, out] = -torch.inf
            rivals_m[rows] = competing.amax(-1)
    return rivals_m
