"""What a model remembers of the positions it has read, so that it never reads them twice.

Shapes in names: B batch, T position, H head, K head_dim; L layer, U n_hidden of an LSTM.
"""

from torch import Tensor

from gptpath.config.model import ModelConfig

LEAST_ROOM = 64
"""Positions for which a new cache makes room; it grows as it is filled."""


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
        if held is None or held[0].size(2) < end:
            held = self._enlarged(held, (k_BHTK, v_BHTK), end)
            self._layers[layer] = held
        for memory, new in zip(held, (k_BHTK, v_BHTK), strict=True):
            memory[:, :, self.length : end] = new
        return held[0][:, :, :end], held[1][:, :, :end]

    def _enlarged(
        self, held: tuple[Tensor, Tensor] | None, like: tuple[Tensor, Tensor], end: int
    ) -> tuple[Tensor, Tensor]:
        """Memory for `end` positions and as many more, up to the context, with what was held."""
        B, H, context, K = self._shape
        room = min(context, max(2 * end, LEAST_ROOM))
        k_BHTK, v_BHTK = (tensor.new_empty(B, H, room, K) for tensor in like)
        if held is not None:
            k_BHTK[:, :, : self.length] = held[0][:, :, : self.length]
            v_BHTK[:, :, : self.length] = held[1][:, :, : self.length]
        return k_BHTK, v_BHTK

    def select(self, rows: Tensor) -> "KeyValueCache":
        """Return a cache whose row i is a copy of row `rows[i]`; rows may repeat or be dropped."""
        chosen = object.__new__(KeyValueCache)
        chosen.length = self.length
        chosen._shape = (len(rows), *self._shape[1:])
        chosen._layers = [
            None
            if held is None
            else (held[0][rows, :, : self.length], held[1][rows, :, : self.length])
            for held in self._layers
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
