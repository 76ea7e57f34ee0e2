"""Sequences of unequal length end to end, without padding.

Matrices, norms and the GELU act on each token alone. What mixes the tokens of a sequence, attention
or an LSTM, reads the sequences side by side in grids, padded on the right: there causality keeps
the padding from being seen. A grid holds sequences of like length, so that there is little of it.

Shapes in names: N tokens of all sequences; M tokens, R sequences and T positions of a grid; D, E
any width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_WORTH = 4
"""A further grid must save cells for at least one in so many tokens, or it costs more than that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Grid:
    """R x T cells for M tokens that follow each other in the packing."""

    rows: int
    positions: int
    cells_M: Tensor
    """int64: the cell of each token, counted through R x T."""

    def padded(self, x_MD: Tensor) -> Tensor:
        """Every token in its cell, zeros in the others: (M, D) -> (R, T, D)."""
        cells = x_MD.new_zeros(self.rows * self.positions, x_MD.size(1))
        return cells.index_copy_(0, self.cells_M, x_MD).view(self.rows, self.positions, -1)

    def packed(self, x_RTD: Tensor) -> Tensor:
        """The tokens back from their cells: (R, T, D) -> (M, D)."""
        return x_RTD.flatten(0, 1).index_select(0, self.cells_M)

    def to(self, device: torch.device) -> "Grid":
        """The same on another device."""
        cells_M = self.cells_M.to(device, non_blocking=True)
        return Grid(rows=self.rows, positions=self.positions, cells_M=cells_M)


@dataclass(frozen=True, kw_only=True, slots=True)
class Packing:
    """Which tokens of N belong together.

    Made where a batch is put together: on a GPU, finding it would wait for the device.
    """

    positions_N: Tensor
    """int64: the place of each token in its own sequence."""
    grids: tuple[Grid, ...]
    """The first of them holds the first tokens."""

    @classmethod
    def of(cls, lengths: Sequence[int]) -> "Packing":
        """Sequences of these lengths, longest first, each of one token at least."""
        assert list(lengths) == sorted(lengths, reverse=True), "longest first"
        grids = tuple(_grid(part) for part in _parts(lengths))
        positions_N = torch.cat([grid.cells_M % grid.positions for grid in grids])
        return cls(positions_N=positions_N, grids=grids)

    def mixed(self, mix: Callable[[Tensor], Tensor], x_ND: Tensor) -> Tensor:
        """`mix`, a function (R, T, D) -> (R, T, E), of every sequence: (N, D) -> (N, E)."""
        parts = x_ND.split([len(grid.cells_M) for grid in self.grids])
        grids = zip(self.grids, parts, strict=True)
        return torch.cat([grid.packed(mix(grid.padded(x_MD))) for grid, x_MD in grids])

    def to(self, device: torch.device) -> "Packing":
        """The same on another device."""
        return Packing(
            positions_N=self.positions_N.to(device, non_blocking=True),
            grids=tuple(grid.to(device) for grid in self.grids),
        )


def _parts(lengths: Sequence[int]) -> list[Sequence[int]]:
    """The lengths of each grid."""
    starts, least = [0], sum(lengths) / _WORTH
    for place, length in enumerate(lengths):
        if (lengths[starts[-1]] - length) * (len(lengths) - place) >= least:
            starts.append(place)
    ends = [*starts[1:], len(lengths)]
    return [lengths[start:end] for start, end in zip(starts, ends, strict=True)]


def _grid(lengths: Sequence[int]) -> Grid:
    filled_RT = torch.arange(lengths[0]) < torch.tensor(lengths)[:, None]
    cells_M = filled_RT.flatten().nonzero().squeeze(1)
    return Grid(rows=len(lengths), positions=lengths[0], cells_M=cells_M)
