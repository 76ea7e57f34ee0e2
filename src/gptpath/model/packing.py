"""Sequences of unequal length end to end, without padding.

Matrices, norms and the GELU act on each token alone. What mixes the tokens of a sequence, attention
or an LSTM, reads the sequences side by side in grids, padded on the right: there causality keeps
the padding from being seen. A grid holds sequences of like length, so that there is little of it.

Shapes in names: N tokens of all sequences; M tokens, R sequences and T positions of a grid; D, E
any width.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

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
    tokens_RT: Tensor
    """int64: the token of each cell; M in an empty one."""

    def padded(self, x_MD: Tensor) -> Tensor:
        """Every token in its cell, zeros in the others: (M, D) -> (R, T, D)."""
        return _Padded.apply(x_MD, self)  # pyright: ignore[reportReturnType]

    def packed(self, x_RTD: Tensor) -> Tensor:
        """The tokens back from their cells: (R, T, D) -> (M, D)."""
        return _Packed.apply(x_RTD, self)  # pyright: ignore[reportReturnType]

    def to(self, device: torch.device) -> "Grid":
        """The same on another device."""
        return Grid(
            rows=self.rows,
            positions=self.positions,
            cells_M=self.cells_M.to(device, non_blocking=True),
            tokens_RT=self.tokens_RT.to(device, non_blocking=True),
        )


class _Padded(torch.autograd.Function):
    """A gather forward and backward.

    torch's own gradients of gathers add up, which on a GPU takes a sort to be repeatable.
    """

    @staticmethod
    def forward(ctx: Any, x_MD: Tensor, grid: Grid) -> Tensor:
        ctx.grid = grid
        return _pad(x_MD, grid)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return _pack(grad_outputs[0], ctx.grid), None


class _Packed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_RTD: Tensor, grid: Grid) -> Tensor:
        ctx.grid = grid
        return _pack(x_RTD, grid)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        return _pad(grad_outputs[0], ctx.grid), None


def _pad(x_MD: Tensor, grid: Grid) -> Tensor:
    with_empty = torch.cat([x_MD, x_MD.new_zeros(1, x_MD.size(1))])
    cells = with_empty.index_select(0, grid.tokens_RT.flatten())
    return cells.view(grid.rows, grid.positions, -1)


def _pack(x_RTD: Tensor, grid: Grid) -> Tensor:
    return x_RTD.flatten(0, 1).index_select(0, grid.cells_M)


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
    def of(cls, lengths: Sequence[int], *, one_grid: bool = False) -> "Packing":
        """Sequences of these lengths, longest first, each of one token at least.

        With `one_grid` there is more padding and less to start, which is what counts on a GPU.
        """
        assert list(lengths) == sorted(lengths, reverse=True), "longest first"
        grids = tuple(_grid(part) for part in ([lengths] if one_grid else _parts(lengths)))
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
    tokens_RT = torch.full(filled_RT.shape, len(cells_M))
    tokens_RT[filled_RT] = torch.arange(len(cells_M))
    return Grid(rows=len(lengths), positions=lengths[0], cells_M=cells_M, tokens_RT=tokens_RT)
