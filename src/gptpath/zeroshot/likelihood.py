"""What is asked of a language model, and what it answers token by token."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Tokens = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One context and the continuations to score after it."""

    context: str
    """May be empty: then the continuations start a document."""
    continuations: tuple[str, ...]
    barred: tuple[int, ...] = ()
    """Token ids out of the running at the first token of each continuation: `greedy[0]` says
    whether it is the most probable one of the others. Probabilities are as without it."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Likelihood:
    """What the model says of one continuation, token by token."""

    tokens: Tokens
    """Token ids of the continuation, shape (n,)."""
    log_probs: npt.NDArray[np.float64]
    """Natural log-probability of each token given everything before it, shape (n,)."""
    greedy: npt.NDArray[np.bool_]
    """Whether each token is the model's most probable one there, shape (n,)."""

    @property
    def total(self) -> float:
        """Log-probability of the whole continuation, nats."""
        return float(self.log_probs.sum())

    @property
    def mean(self) -> float:
        """Log-probability per token, nats."""
        return float(self.log_probs.mean())

    @property
    def is_greedy(self) -> bool:
        """Whether greedy decoding would have produced exactly this continuation."""
        return bool(self.greedy.all())


def join(pieces: Sequence[Likelihood]) -> Likelihood:
    """One likelihood of consecutive pieces of a text."""
    if len(pieces) == 1:
        return pieces[0]
    return Likelihood(
        tokens=np.concatenate([p.tokens for p in pieces]),
        log_probs=np.concatenate([p.log_probs for p in pieces]),
        greedy=np.concatenate([p.greedy for p in pieces]),
    )
