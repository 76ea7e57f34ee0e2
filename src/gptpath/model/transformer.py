"""GPT-1 and GPT-2: one Transformer with two placements of the layer norms.

Shapes in names: B batch, T position, D n_embd, E = 3 D, F = 4 D, H head, K head_dim, V vocabulary;
N tokens of a packing, which stands for B T everywhere but within attention.
Parameter names are those of GPT-2's checkpoint; matrices are `nn.Linear`'s (out, in).
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from gptpath.config.model import ModelConfig
from gptpath.model.attention import is_short_training
from gptpath.model.cache import Cache, KeyValueCache
from gptpath.model.packing import Packing
from gptpath.model.tables import empty_table


class Linear(nn.Linear):
    """A linear map whose product can be another function's in compiled training."""

    multiply: Callable[[Tensor, Tensor, Tensor | None], Tensor] = staticmethod(F.linear)
    """Set to `onednn_linear` where that is faster (train/compile.py)."""

    def forward(self, input: Tensor) -> Tensor:
        """Map the last dimension: (..., in) -> (..., out)."""
        if torch.compiler.is_compiling():
            return self.multiply(input, self.weight, self.bias)
        return super().forward(input)


class Attention(nn.Module):
    """Causal multi-head self-attention, scaled by 1/sqrt(head_dim)."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.layer, self.n_head, self.dropout = layer, config.n_head, config.dropout
        self.attend_short: Callable[[Tensor, int], Tensor] | None = None
        """Set to `causal_attention` for compiled training on a CPU (train/compile.py)."""
        self.c_attn = Linear(config.n_embd, 3 * config.n_embd)
        self.c_proj = Linear(config.n_embd, config.n_embd)

    def forward(
        self, x_BTD: Tensor, cache: KeyValueCache | None, packing: Packing | None = None
    ) -> Tensor:
        """Mix each position with the ones before it; same shape out."""
        qkv_BTE = self.c_attn(x_BTD)
        if packing is None:
            y_BTD = self._attend(qkv_BTE, cache)
        else:
            y_BTD = packing.mixed(self._attend, qkv_BTE)
        return self.c_proj(y_BTD)

    def _attend(self, qkv_BTE: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """Queries, keys, values (B, T, 3 D) -> the values that each position sees, (B, T, D)."""
        B, T, D = qkv_BTE.size(0), qkv_BTE.size(1), qkv_BTE.size(2) // 3
        dropout = self.dropout if self.training else 0.0
        alone = cache is None and not dropout
        if alone and self.attend_short is not None and is_short_training(qkv_BTE):
            return self.attend_short(qkv_BTE, self.n_head)
        q_BHTK, k_BHTK, v_BHTK = (
            part_BTD.view(B, T, self.n_head, D // self.n_head).transpose(1, 2)
            for part_BTD in qkv_BTE.split(D, dim=2)
        )
        past = 0
        if cache is not None:
            past = cache.length
            k_BHTK, v_BHTK = cache.append(self.layer, k_BHTK, v_BHTK)
        mask = None
        if past and T > 1:
            seen = torch.ones(T, past + T, dtype=torch.bool, device=qkv_BTE.device)
            mask = seen.tril(diagonal=past)
        y_BHTK = F.scaled_dot_product_attention(
            q_BHTK,
            k_BHTK,
            v_BHTK,
            attn_mask=mask,
            dropout_p=dropout,
            is_causal=past == 0,
        )
        return y_BHTK.transpose(1, 2).reshape(B, T, D)


class FeedForward(nn.Module):
    """Two matrices around a GELU in its tanh form, inner width 4 x n_embd."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.c_fc = Linear(config.n_embd, 4 * config.n_embd)
        self.c_proj = Linear(4 * config.n_embd, config.n_embd)

    def forward(self, x_BTD: Tensor) -> Tensor:
        """Transform each position on its own; same shape out."""
        inner_BTF = self.c_fc(x_BTD)
        if torch.compiler.is_compiling() and torch.is_grad_enabled():
            # Fused with its own gradient, the GELU costs less again than to read back.
            return checkpoint(self._activate_and_project, inner_BTF, use_reentrant=False)
        return self._activate_and_project(inner_BTF)

    def _activate_and_project(self, inner_BTF: Tensor) -> Tensor:
        return self.c_proj(gelu(inner_BTF))


def gelu(x: Tensor) -> Tensor:
    """GELU in its tanh form (GPT-1 sec. 4.1); in compiled code by way of the cheaper sigmoid."""
    if torch.compiler.is_compiling():  # 0.5 (1 + tanh(u)) = sigmoid(2 u)
        return x * torch.sigmoid(x * (1 + 0.044715 * x * x) * (2 * math.sqrt(2 / math.pi)))
    return F.gelu(x, approximate="tanh")


class Block(nn.Module):
    """One layer: attention and feed-forward, each in a residual branch."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.norm_first = config.norm == "pre"
        self.ln_1 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_eps)
        self.attn = Attention(config, layer)
        self.ln_2 = nn.LayerNorm(config.n_embd, eps=config.layer_norm_eps)
        self.mlp = FeedForward(config)
        self.drop = nn.Dropout(config.dropout)

    def forward(
        self, x_BTD: Tensor, cache: KeyValueCache | None, packing: Packing | None = None
    ) -> Tensor:
        """Apply both branches; same shape out."""
        if self.norm_first:  # GPT-2 sec. 2.3: at the input of each sub-block
            x_BTD = x_BTD + self.drop(self.attn(self.ln_1(x_BTD), cache, packing))
            return x_BTD + self.drop(self.mlp(self.ln_2(x_BTD)))
        # GPT-1 Fig. 1: after each residual addition
        x_BTD = self.ln_1(x_BTD + self.drop(self.attn(x_BTD, cache, packing)))
        return self.ln_2(x_BTD + self.drop(self.mlp(x_BTD)))


class Transformer(nn.Module):
    """Decoder-only Transformer with learned positions and a tied head (GPT-1 sec. 3.1, eq. 2).

    Dropout acts on the summed embeddings, as in the paper's text; GPT-1's released code drops
    entries of the embedding table itself.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.wte = empty_table(config.vocab_size, config.n_embd)
        self.wpe = empty_table(config.context_length, config.n_embd)
        self.drop = nn.Dropout(config.dropout)
        self.h = nn.ModuleList(Block(config, layer) for layer in range(config.n_layer))
        if config.norm == "pre":  # GPT-2 sec. 2.3: one more norm after the last block
            self.ln_f = nn.LayerNorm(config.n_embd, eps=config.layer_norm_eps)
        else:
            self.ln_f = nn.Identity()

    def embeddings(self, tokens_BT: Tensor) -> Tensor:
        """Token embeddings, without positions: (B, T) ids -> (B, T, D)."""
        return self.wte(tokens_BT)

    def hidden_from_packed(self, x_ND: Tensor, packing: Packing) -> Tensor:
        """Add positions and run all blocks: (N, D) -> (N, D) after the last norm."""
        longest = packing.grids[0].positions
        assert longest <= self.config.context_length, (
            f"{longest} positions do not fit a context of {self.config.context_length}"
        )
        x_ND = self.drop(x_ND + self.wpe(packing.positions_N))
        for block in self.h:
            x_ND = block(x_ND, None, packing)
        return self.ln_f(x_ND)

    def hidden_from_embeddings(self, x_BTD: Tensor, cache: Cache | None = None) -> Tensor:
        """Add positions and run all blocks: (B, T, D) -> (B, T, D) after the last norm.

        With a cache, the positions follow those it holds and are appended to it.
        """
        assert cache is None or isinstance(cache, KeyValueCache), "another model's cache"
        start = 0 if cache is None else cache.length
        end = start + x_BTD.size(1)
        assert end <= self.config.context_length, (
            f"{end} positions do not fit a context of {self.config.context_length}"
        )
        x_BTD = self.drop(x_BTD + self.wpe.weight[start:end])
        for block in self.h:
            x_BTD = block(x_BTD, cache)
        if cache is not None:
            cache.length = end
        return self.ln_f(x_BTD)

    def hidden(self, tokens_BT: Tensor, cache: Cache | None = None) -> Tensor:
        """Final hidden states of token ids: (B, T) -> (B, T, D)."""
        return self.hidden_from_embeddings(self.embeddings(tokens_BT), cache)

    def logits(self, x_D: Tensor) -> Tensor:
        """Unnormalised next-token scores: (..., D) -> (..., V) (GPT-1 eq. 2)."""
        return F.linear(x_D, self.wte.weight)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Next-token scores at every position: (B, T) -> (B, T, V)."""
        return self.logits(self.hidden(tokens_BT))

    def new_cache(self, batch_size: int) -> KeyValueCache:
        """Return an empty cache for `batch_size` sequences read side by side."""
        return KeyValueCache(self.config, batch_size)
