"""Float32 log-softmax of single tokens, block by block, so that no table of logits ever exists.

Shapes in names: M states, D state, T targets, V vocabulary, v a block of it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gptpath.model.predictor import Predictor, head_of

BLOCK = {"cpu": 1024, "cuda": 16384}
"""Vocabulary entries multiplied at once, however many states there are: their logits take 1 MiB
(with `states.JUDGED_AT_ONCE`), what a core's cache holds, and 512 MiB."""

ROW_QUANTUM = 16
"""States are filled up to a multiple of this: matrix kernels round a row alike in all such
heights, but not in some of 1 to 11 rows."""

Numbers = npt.NDArray[np.int64]
Head = tuple[Tensor, Tensor | None]
"""Weight (V, D) and bias (V,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a model says of T tokens."""

    log_probs_T: Tensor
    """Natural log-probabilities, float32."""
    greedy_T: Tensor
    """True where no other token is more probable."""


Barred = Mapping[tuple[int, ...], Sequence[int]]
"""Token ids -> the states at which they do not compete for being the most probable."""


def judge(
    model: Predictor, x_MD: Tensor, state_T: Numbers, target_T: Numbers, barred: Barred
) -> Judged:
    """Log-probability of each token `target_T` at the final state number `state_T` of `x_MD`."""
    missing = -len(x_MD) % ROW_QUANTUM
    if missing:
        x_MD = torch.cat([x_MD, x_MD[:1].expand(missing, -1)])
    head = head_of(model)
    if head is None:
        judged = _judge_by_rows(model, x_MD, state_T, target_T, barred)
    else:
        judged = _judge_by_blocks(head, x_MD, state_T, target_T, barred)
    for ids, states in barred.items():
        out_T = np.isin(state_T, states) & np.isin(target_T, ids)
        judged.greedy_T[torch.from_numpy(out_T)] = False
    return judged


def _judge_by_rows(
    model: Predictor, x_MD: Tensor, state_T: Numbers, target_T: Numbers, barred: Barred
) -> Judged:
    """Whole rows of logits, ROW_QUANTUM of them at a time: a head that is no plain matrix."""
    chosen_T = x_MD.new_empty(len(state_T), dtype=torch.float32)
    log_sum_M = chosen_T.new_empty(len(x_MD))
    rivals_M = chosen_T.new_empty(len(x_MD))
    for first in range(0, len(x_MD), ROW_QUANTUM):
        here = slice(first, first + ROW_QUANTUM)
        logits_mV = model.logits(x_MD[here]).float()
        log_sum_M[here] = logits_mV.logsumexp(-1)
        rivals_M[here] = _rivals(logits_mV, first, 0, barred, logits_mV.amax(-1))
        asked = np.flatnonzero((state_T >= first) & (state_T < first + ROW_QUANTUM))
        chosen_T[asked] = logits_mV[state_T[asked] - first, target_T[asked]]
    state = torch.from_numpy(state_T).to(x_MD.device)
    return Judged(chosen_T - log_sum_M[state], chosen_T >= rivals_M[state])


def _judge_by_blocks(
    head: Head, x_MD: Tensor, state_T: Numbers, target_T: Numbers, barred: Barred
) -> Judged:
    """The vocabulary in blocks: log sum exp over all of it is that of the blocks' own."""
    weight_VD, bias_V = head
    count, vocabulary = len(x_MD), len(weight_VD)
    on_cpu = x_MD.device.type == "cpu"
    size = BLOCK[x_MD.device.type]
    x_MD = x_MD.to(weight_VD.dtype)
    starts = range(0, vocabulary, size)
    order = np.argsort(target_T, kind="stable")
    cuts = np.searchsorted(target_T[order], [*starts, vocabulary])
    chosen_T = x_MD.new_empty(len(target_T), dtype=torch.float32)
    sums_BM = x_MD.new_empty(len(starts), count, dtype=torch.float64)
    rivals_BM = chosen_T.new_empty(len(starts), count)
    memory = x_MD.new_empty(count * min(size, vocabulary))
    for block, start in enumerate(starts):
        weight_Dv = weight_VD[start : start + size].T
        logits_Mv = memory[: count * weight_Dv.shape[1]].view(count, -1)
        torch.mm(x_MD, weight_Dv, out=logits_Mv)
        if bias_V is not None:
            logits_Mv += bias_V[start : start + size]
        values_Mv = logits_Mv.float()  # the same memory for a float32 head
        asked = order[cuts[block] : cuts[block + 1]]
        chosen_T[asked] = values_Mv[state_T[asked], target_T[asked] - start]
        top_M = values_Mv.amax(-1)
        rivals_BM[block] = _rivals(values_Mv, 0, start, barred, top_M)
        # The highest logit's share of the block is 1 / sum exp (logit - highest). Softmax is the
        # fastest kernel there is for that sum, and on a CPU does it row by row in place.
        shares_Mv = torch.softmax(values_Mv, -1, out=values_Mv if on_cpu else None)
        # In float64, as float32 logarithms round by their place in a vector.
        sums_BM[block] = top_M.double() - shares_Mv.amax(-1).double().log()
    state = torch.from_numpy(state_T).to(x_MD.device)
    log_sum_M = sums_BM.logsumexp(0).float()
    return Judged(chosen_T - log_sum_M[state], chosen_T >= rivals_BM.amax(0)[state])


def _rivals(logits_mv: Tensor, first: int, start: int, barred: Barred, top_m: Tensor) -> Tensor:
    """Highest logit of each row that competes; `first` and `start` are the first row and id."""
    rivals_m = top_m.clone()
    for ids, places in barred.items():
        rows = [place - first for place in places if first <= place < first + len(logits_mv)]
        out = [i - start for i in ids if start <= i < start + logits_mv.shape[1]]
        if rows and out:
            competing = logits_mv[rows]
            competing[:, out] = -torch.inf
            rivals_m[rows] = competing.amax(-1)
    return rivals_m
