"""What a model remembers of the positions it has read, so that it never reads them twice.

Shapes in names: B batch, T position, H head, K head_dim; L layer, U n_hidden of an LSTM.
"""

from torch import Tensor

from gptpath.config.model import ModelConfig


class KeyValueCache:
    """Keys and values of the positions a Transformer has read so far, all layers."""

    def __init__(self, config: ModelConfig, batch_size: int) -> None:
        self.length = 0
        """Positions held, the same for every row of the batch."""
        self._shape = (batch_size, config.n_head, config.context_length, config.head_dim)
        self._layers: list[tuple[Tensor, Tensor] | None] = [None] * config.n_layer

    def append(self, layer: int, k_BHTK: Tensor, v_BHTK: Tensor) -> tuple[Tensor, Tensor]:
        """Store new positions of one layer; returns that layer's keys and values, old and new."""
        end = self.length + k_BHTK.size(2)
        held = self._layers[layer]
        if held is None:
            held = (k_BHTK.new_empty(self._shape), v_BHTK.new_empty(self._shape))
            self._layers[layer] = held
        for memory, new in zip(held, (k_BHTK, v_BHTK), strict=True):
            memory[:, :, self.length : end] = new
        return held[0][:, :, :end], held[1][:, :, :end]

    def select(self, rows: Tensor) -> "KeyValueCache":
        """Return a cache whose row i is a copy of row `rows[i]`; rows may repeat or be dropped."""
        chosen = object.__new__(KeyValueCache)
        chosen.length = self.length
        chosen._shape = (len(rows), *self._shape[1:])
        chosen._layers = [
            None if held is None else (held[0][rows], held[1][rows]) for held in self._layers
        ]
        return chosen


class LSTMState:
    """What an LSTM remembers of the positions it has read."""

    def __init__(self) -> None:
        self.length = 0
        """Positions read, the same for every row of the batch."""
        self.memory: tuple[Tensor, Tensor] | None = None
        """Outputs and cells after the last position, (L, B, U) each; None before the first."""

    def select(self, rows: Tensor) -> "LSTMState":
        """Return a state whose row i is a copy of row `rows[i]`; rows may repeat or be dropped."""
        chosen = LSTMState()
        chosen.length = self.length
        if self.memory is not None:
            chosen.memory = (self.memory[0][:, rows], self.memory[1][:, rows])
        return chosen


Cache = KeyValueCache | LSTMState
