"""Held-out loss in nats per token and in bits per byte."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gptpath.errors import TokenError
from gptpath.model.build import LanguageModel
from gptpath.model.device import autocast
from gptpath.model.loss import token_log_probs
from gptpath.tokens.shards import TokenSplit
from gptpath.train.batches import read_windows
from gptpath.train.parallel import ALONE, Parallel

LogProbs = Callable[[Tensor, Tensor], Tensor]
"""Inputs and targets, two (B, T), to the log-probability of each target: (B, T), nats."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Score:
    """How well a model predicts held-out text."""

    loss: float
    """Mean cross-entropy, nats per token."""
    bpb: float
    """Bits per byte of text; the same for all tokenizers of one text."""
    tokens: int
    """Tokens predicted."""

    @property
    def perplexity(self) -> float:
        """Exponential of the loss, per token."""
        return math.exp(self.loss)


@dataclass(frozen=True, kw_only=True, slots=True)
class Validation:
    """A held-out split, read in windows that do not overlap.

    Every token after the first is predicted once, from what precedes it in its window.
    """

    split: TokenSplit
    token_bytes: npt.NDArray[np.int64]
    """Bytes of each token id, 0 for special tokens; shape (vocabulary,)."""
    batch_size: int
    """Windows per forward pass."""
    precision: str

    def measure(
        self,
        model: LanguageModel,
        *,
        tokens: int | None,
        between: Callable[[], None],
        log_probs: LogProbs | None = None,
        parallel: Parallel = ALONE,
    ) -> Score:
        """Score `model` on the first `tokens` predictions of the split; None means all.

        Ranks share the windows; all get the same score. `log_probs` computes with the model where
        it is wrapped. `between` is called before every forward pass and may raise to break off.
        """
        count = min(len(self.split) - 1, tokens or len(self.split))
        if count < 1:
            raise TokenError(
                f"the validation split has {len(self.split)} tokens, expected at least 2; "
                "raise ingest.validation_fraction"
            )
        batches = self._batches(count, model.config.context_length)
        compute = log_probs or partial(token_log_probs, model)
        was_training = model.training
        model.eval()
        nats = 0.0
        for turn in range(0, len(batches), parallel.ranks):
            between()
            # FSDP computes together: who has no windows left reads some again, without counting.
            starts, window = batches[min(turn + parallel.rank, len(batches) - 1)]
            part = self._nats(compute, starts, window, model.wte.weight.device)
            nats += part if turn + parallel.rank < len(batches) else 0.0
        model.train(was_training)
        nats = sum(parallel.gather(nats))
        text_bytes = int(self.token_bytes[self.split.read(1, count + 1)].sum())
        bpb = nats / math.log(2) / text_bytes if text_bytes else math.inf
        return Score(loss=nats / count, bpb=bpb, tokens=count)

    def _batches(self, count: int, length: int) -> list[tuple[list[int], int]]:
        """First tokens of the windows of each forward pass, and how long these windows are."""
        whole = list(range(0, count - length + 1, length))
        batches = [
            (whole[first : first + self.batch_size], length)
            for first in range(0, len(whole), self.batch_size)
        ]
        if count % length:
            batches.append(([count - count % length], count % length))
        return batches

    @torch.no_grad()
    def _nats(
        self, log_probs: LogProbs, starts: list[int], length: int, device: torch.device
    ) -> float:
        inputs_BT, targets_BT = read_windows(self.split, starts, length, device)
        with autocast(device, self.precision):
            return -log_probs(inputs_BT, targets_BT).double().sum().item()
