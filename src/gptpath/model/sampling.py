"""From next-token scores to a token: greedy, temperature, top-k, top-p.

Shapes in names: B batch, V vocabulary.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from gptpath.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class Sampling:
    """How the next token is chosen. The filters act in the order of the fields."""

    temperature: float = 1.0
    """Scores are divided by it; 0 takes the likeliest token (greedy)."""
    top_k: int | None = None
    """Keep the k likeliest tokens and those that tie with the last; None keeps all."""
    top_p: float = 1.0
    """Keep the likeliest tokens that together reach this probability; 1 keeps all."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.temperature < float("inf"):
            raise ConfigError(f"temperature={self.temperature} must be 0 (greedy) or positive")
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(f"top_k={self.top_k} must be at least 1, or None to keep all tokens")
        if not 0.0 < self.top_p <= 1.0:
            raise ConfigError(f"top_p={self.top_p} must lie above 0 and at most at 1")

    def probabilities(self, logits_BV: Tensor) -> Tensor:
        """Return what is drawn from, (B, V) in float64; not defined for temperature 0."""
        logits_BV = logits_BV.float() / self.temperature
        if self.top_k is not None and self.top_k < logits_BV.size(1):
            least_B1 = logits_BV.topk(self.top_k, dim=1).values[:, -1:]
            logits_BV = logits_BV.masked_fill(logits_BV < least_B1, -torch.inf)
        if self.top_p < 1.0:
            ascending_BV, order_BV = logits_BV.sort(dim=1)
            # Out go the unlikely ones, as long as what remains still reaches top_p.
            out_BV = ascending_BV.softmax(1).cumsum(1) <= 1.0 - self.top_p
            out_BV[:, -1] = False
            logits_BV = logits_BV.masked_fill(out_BV.scatter(1, order_BV, out_BV), -torch.inf)
        return logits_BV.double().softmax(1)

    def choose(self, logits_BV: Tensor, draws_B: Tensor) -> Tensor:
        """Return one token a row, (B,); `draws_B` are numbers from [0, 1), idle if greedy."""
        if self.temperature == 0:
            return logits_BV.argmax(1)
        totals_BV = self.probabilities(logits_BV).cumsum(1)
        thresholds_B1 = draws_B[:, None] * totals_BV[:, -1:]
        return torch.searchsorted(totals_BV, thresholds_B1, right=True).squeeze(1)
