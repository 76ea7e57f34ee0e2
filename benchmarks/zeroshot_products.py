"""The matrix products of rolling perplexity and nothing else, as fast as torch can do them.

Whoever scores the same windows with the same model by torch's kernels does at least these, so
another program's time divided by theirs is the most by which anybody can be faster than it. Inputs
are random, results are thrown away. Each kind of product is done in several ways (large ones or
such as fit a cache, by kernels on all threads or by kernels of one thread side by side), and the
fastest way in any round counts, for wall and CPU time each.

Shapes in names: M rows, K inner, N columns, B windows, H heads, T positions, D head width.
"""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F

from gptpath.zeroshot.prefixes import Row
from gptpath.zeroshot.side_by_side import Piece, run

TILES = ((256, 1024), (1024, 4096), (1 << 20, 4096))
"""Most rows and columns of a result that are computed together; the last has all rows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Shape:
    """What decides the sizes of the products."""

    layers: int
    width: int
    heads: int
    vocabulary: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Seconds:
    """Wall and CPU time of each kind of product."""

    layers: tuple[float, float]
    """The linear maps of all layers."""
    head: tuple[float, float]
    """Predicted positions with the vocabulary."""
    attention: tuple[float, float]
    """Causal attention by torch's fused kernel; unlike the others it holds its softmax too."""

    def beside(self, *others: tuple[float, float]) -> str:
        """Lines for a reader, beside wall and CPU seconds of another program's rounds."""
        lines = ["its matrix products alone, fastest round of both"]
        for clock, name in enumerate(("wall", "CPU")):
            layers, head, attention = (
                kind[clock] for kind in (self.layers, self.head, self.attention)
            )
            theirs = min(times[clock] for times in others)
            lines.append(
                f"{name}: layers {layers:.2f} s, head {head:.2f} s, attention {attention:.2f} s; "
                f"with these kernels at most x {theirs / (layers + head + attention):.1f} "
                f"(x {theirs / (layers + head):.1f} if attention took no time)"
            )
        return "\n    ".join(lines)


Way = tuple[list[Piece], int]
"""Pieces of work, and how many of them are done side by side."""


@torch.inference_mode()
def products_alone(shape: Shape, rows: Sequence[Row], threads: int, rounds: int) -> Seconds:
    """Do the products of the windows `rows` in all ways, `rounds` times in turn."""
    lengths = [len(row.tokens) - 1 for row in rows]
    targets = sum(row.n_targets for row in rows)
    width = shape.width
    maps = [(width, 3 * width), (width, width), (width, 4 * width), (4 * width, width)]
    kinds = (
        _linear_ways([(sum(lengths), k, n) for k, n in maps * shape.layers], threads),
        _linear_ways([(targets, width, shape.vocabulary)], threads),
        _attention_ways(shape, lengths, threads),
    )
    times = [[[_seconds(way) for way in ways] for ways in kinds] for _ in range(rounds)]
    walls, cpus = (
        [
            min(each[kind][way][clock] for each in times for way in range(len(ways)))
            for kind, ways in enumerate(kinds)
        ]
        for clock in (0, 1)
    )
    layers, head, attention = zip(walls, cpus, strict=True)
    return Seconds(layers=layers, head=head, attention=attention)


def _linear_ways(sizes: Sequence[tuple[int, int, int]], threads: int) -> list[Way]:
    """(M, K) times the transpose of (N, K), as in `nn.Linear`, for all M, K, N of `sizes`."""
    inputs = {k: torch.randn(m, k) for m, k, _ in sizes}
    weights = {(k, n): torch.randn(n, k) for _, k, n in sizes}
    memory = threading.local()

    def multiply(x_MK: torch.Tensor, weight_NK: torch.Tensor) -> list[Piece]:
        count = len(x_MK) * len(weight_NK)
        if not hasattr(memory, "out") or len(memory.out) < count:
            memory.out = torch.empty(count)
        torch.mm(x_MK, weight_NK.T, out=memory.out[:count].view(len(x_MK), -1))
        return []

    def pieces(rows: int, columns: int) -> list[Piece]:
        return [
            partial(multiply, x_MK, weight_NK)
            for _, k, n in sizes
            for x_MK in inputs[k].split(rows)
            for weight_NK in weights[k, n].split(columns)
        ]

    return [(pieces(*tile), side) for tile in TILES for side in sorted({1, threads})]


def _attention_ways(shape: Shape, lengths: Sequence[int], threads: int) -> list[Way]:
    """Each window on its own or windows of one length together, once for each layer."""

    def attend(count: int, length: int) -> Piece:
        size = (count, length, shape.heads, shape.width // shape.heads)
        q_BHTD, k_BHTD, v_BHTD = (torch.randn(size).transpose(1, 2) for _ in range(3))

        def piece() -> list[Piece]:
            F.scaled_dot_product_attention(q_BHTD, k_BHTD, v_BHTD, is_causal=True)
            return []

        return piece

    alone = [attend(1, length) for length in lengths] * shape.layers
    together = [attend(n, length) for length, n in Counter(lengths).items()]
    return [(alone, side) for side in sorted({1, threads})] + [(together * shape.layers, 1)]


def _seconds(way: Way) -> tuple[float, float]:
    """Wall and CPU time."""
    pieces, side = way
    wall, cpu = time.perf_counter(), time.process_time()
    run(pieces, side)
    return time.perf_counter() - wall, time.process_time() - cpu
