"""GPT-1's baseline: an LSTM language model behind the Transformer's interface (GPT-1 sec. 5).

Shapes in names: B batch, T position, D n_embd, U n_hidden, V vocabulary, N tokens of a packing.
"""

import torch.nn.functional as F
from torch import Tensor, nn

from gptpath.config.model import ModelConfig
from gptpath.model.cache import Cache, LSTMState
from gptpath.model.packing import Packing
from gptpath.model.tables import empty_table


class LSTM(nn.Module):
    """LSTM layers, projected to n_embd for a head tied to the token table.

    GPT-1 prints one layer of 2,048 units and no more: projection and tied head are our choice,
    made so that both families share interface and vocabulary. Dropout acts on the embeddings and
    on what leaves the last layer.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        assert config.n_hidden is not None, "ModelConfig gives every LSTM its n_hidden"
        self.config = config
        self.wte = empty_table(config.vocab_size, config.n_embd)
        self.drop = nn.Dropout(config.dropout)
        self.rnn = nn.LSTM(config.n_embd, config.n_hidden, config.n_layer, batch_first=True)
        self.c_proj = nn.Linear(config.n_hidden, config.n_embd)

    def embeddings(self, tokens_BT: Tensor) -> Tensor:
        """Token embeddings: (B, T) ids -> (B, T, D)."""
        return self.wte(tokens_BT)

    def hidden_from_packed(self, x_ND: Tensor, packing: Packing) -> Tensor:
        """Run the layers and project: (N, D) -> (N, D)."""
        y_NU = packing.mixed(lambda x_BTD: self.rnn(x_BTD)[0], self.drop(x_ND))
        return self.c_proj(self.drop(y_NU))

    def hidden_from_embeddings(self, x_BTD: Tensor, cache: Cache | None = None) -> Tensor:
        """Run the layers and project: (B, T, D) -> (B, T, D); a cache is read and advanced."""
        assert cache is None or isinstance(cache, LSTMState), "another model's cache"
        y_BTU, memory = self.rnn(self.drop(x_BTD), None if cache is None else cache.memory)
        if cache is not None:
            cache.memory = memory
            cache.length += x_BTD.size(1)
        return self.c_proj(self.drop(y_BTU))

    def hidden(self, tokens_BT: Tensor, cache: Cache | None = None) -> Tensor:
        """Final hidden states of token ids: (B, T) -> (B, T, D)."""
        return self.hidden_from_embeddings(self.embeddings(tokens_BT), cache)

    def logits(self, x_D: Tensor) -> Tensor:
        """Unnormalised next-token scores: (..., D) -> (..., V), by the token table."""
        return F.linear(x_D, self.wte.weight)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        """Next-token scores at every position: (B, T) -> (B, T, V)."""
        return self.logits(self.hidden(tokens_BT))

    def new_cache(self, batch_size: int) -> LSTMState:
        """Return an empty state; the batch size follows the first tokens read."""
        del batch_size
        return LSTMState()
