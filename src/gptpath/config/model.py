"""The shape of one language model, Transformer or LSTM."""

from dataclasses import dataclass
from typing import Literal

from gptpath.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelConfig:
    """Everything that fixes a model's parameters and its forward pass.

    GPT-1 is `norm="post"` (GPT-1 Fig. 1), GPT-2 is `norm="pre"` with a final layer norm
    (GPT-2 sec. 2.3). The LSTM is GPT-1's baseline (GPT-1 sec. 5).
    """

    family: Literal["transformer", "lstm"] = "transformer"
    norm: Literal["post", "pre"] = "pre"
    """Where the layer norms stand; ignored by the LSTM."""
    n_layer: int
    """Transformer blocks, or LSTM layers."""
    n_head: int = 1
    """Attention heads; ignored by the LSTM."""
    n_embd: int
    """Width of embeddings and residual stream."""
    n_hidden: int | None = None
    """LSTM units per layer; None for a Transformer, whose inner width is 4 x n_embd."""
    context_length: int
    """Longest sequence in tokens (nanoGPT: block_size; OpenAI: n_ctx)."""
    vocab_size: int
    """Token ids, special tokens included."""
    dropout: float = 0.0
    """On embeddings, residual branches and attention weights."""
    layer_norm_eps: float = 1e-5
    init_std: float = 0.02
    """Normal initialisation of matrices and of the token table."""
    position_init_std: float = 0.02
    """Normal initialisation of the position table (GPT-1 0.02, GPT-2's code 0.01)."""
    scale_residual_init: bool = False
    """Scale the two residual projections of a block by 1/sqrt(2 n_layer) (GPT-2 sec. 2.3)."""
    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    def __post_init__(self) -> None:
        sizes = ["n_layer", "n_head", "n_embd", "context_length", "vocab_size"]
        for name in [*sizes, *(["n_hidden"] if self.n_hidden is not None else [])]:
            if getattr(self, name) < 1:
                raise ConfigError(f"{name}={getattr(self, name)} must be at least 1")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"dropout={self.dropout} must lie in [0, 1)")
        if self.family == "lstm" and self.n_hidden is None:
            raise ConfigError("an LSTM needs n_hidden, its number of units per layer")
        if self.family == "transformer" and self.n_hidden is not None:
            raise ConfigError("n_hidden belongs to the LSTM; a Transformer's is 4 x n_embd")
        if self.family == "transformer" and self.n_embd % self.n_head:
            below = self.n_embd - self.n_embd % self.n_head
            nearest = [n for n in (below, below + self.n_head) if n > 0]
            raise ConfigError(
                f"n_embd={self.n_embd} is not divisible by n_head={self.n_head}; nearest valid: "
                + " or ".join(map(str, nearest))
            )

    @property
    def head_dim(self) -> int:
        """Width of one attention head."""
        return self.n_embd // self.n_head
