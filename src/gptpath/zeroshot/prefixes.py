"""Which token sequences begin alike, so that a common beginning is read once.

The sequences of all requests form a tree: options of one question share its context, questions
share the header of a few-shot prompt. Branching points lie at multiples of a quantum of positions,
and what hangs below one is as long as the next multiple of it, so that many pieces have exactly the
same shape: they fill batches without padding to a stranger's length, and what is computed for one
of them does not depend on which others are in the batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from gptpath.zeroshot.likelihood import Tokens

QUANTUM = {"cpu": 4, "cuda": 16}
"""Positions, about half of them padding in each piece. CPU kernels round a row alike in matrices of
all heights that are multiples of 4. A GPU pays for each forward pass rather than for positions, so
there it is better to have fewer shapes."""

LEAST_SHARED = 16
"""Positions that a common beginning must have to be worth a forward pass of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One sequence: predict its last `n_targets` tokens from all before them."""

    tokens: Tokens
    n_targets: int
    barred: tuple[int, ...] = ()
    """Ids out of the running at the first target (see `Request`)."""

    @property
    def free(self) -> int:
        """Positions read before the first whose state predicts a target."""
        return len(self.tokens) - 1 - self.n_targets


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """Positions `start` to `end` of a beginning that several rows share; the root is empty."""

    start: int
    end: int
    tokens: Tokens
    """The whole beginning, shape (end,)."""
    rows: list[int]
    """Rows that branch off here, by number."""
    children: list["Node"]


def prefix_tree(rows: Sequence[Row], *, quantum: int, share: bool = True) -> Node:
    """The root of all rows, which branch at multiples of `quantum`; without `share` only there."""
    root = Node(0, 0, np.empty(0, dtype=np.int64), [], [])
    if not share:
        root.rows.extend(range(len(rows)))
        return root
    order = _in_order(rows)
    shared = [_shared(rows[a], rows[b], quantum) for a, b in pairwise(order)]
    _grow(rows, order, shared, root, 0)
    return root


def owners(rows: Sequence[Row], starts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For each target of each row, the target whose state predicts it: its own, or a twin's.

    The targets of row i are numbered from `starts[i]`. A neighbour in lexical order that begins
    alike reads the same state at the same position, and is asked for another token there.
    """
    owner_T = np.arange(starts[-1])
    for before, here in pairwise(_in_order(rows)):
        one, other = rows[before], rows[here]
        first = max(one.free, other.free)
        last = min(len(one.tokens), len(other.tokens)) - 1
        if first >= last or one.barred or other.barred:
            continue
        differ = np.flatnonzero(one.tokens[:last] != other.tokens[:last])
        alike = int(differ[0]) if len(differ) else last
        mine, twin = starts[here] - other.free, starts[before] - one.free
        if first < alike:
            owner_T[mine + first : mine + alike] = owner_T[twin + first : twin + alike]
    return owner_T


def _in_order(rows: Sequence[Row]) -> list[int]:
    """Numbers of the rows in lexical order, whatever order they came in."""
    return sorted(
        range(len(rows)), key=lambda i: (rows[i].tokens.tolist(), rows[i].n_targets, rows[i].barred)
    )


def _shared(one: Row, other: Row, quantum: int) -> int:
    """Positions that two rows can share, a multiple of `quantum`."""
    most = min(one.free, other.free)
    if most < LEAST_SHARED:
        return 0
    differ = np.flatnonzero(one.tokens[:most] != other.tokens[:most])
    alike = int(differ[0]) if len(differ) else most
    return alike - alike % quantum


def _grow(
    rows: Sequence[Row], order: Sequence[int], shared: Sequence[int], node: Node, depth: int
) -> None:
    """Hang sorted rows, which share `depth` positions, from `node` or from new nodes below it.

    `shared[i]` is what rows `order[i]` and `order[i + 1]` share.
    """
    for first, last in _runs(shared, len(order), depth):
        if first == last:
            node.rows.append(order[first])
            continue
        end = min(shared[first:last])
        below = node
        if end - node.end >= LEAST_SHARED:
            below = Node(node.end, end, rows[order[first]].tokens[:end], [], [])
            node.children.append(below)
        _grow(rows, order[first : last + 1], shared[first:last], below, end)


def _runs(shared: Sequence[int], count: int, depth: int) -> Iterator[tuple[int, int]]:
    """First and last of each stretch of rows that share more than `depth` with their neighbour."""
    first = 0
    for place in range(count):
        if place == count - 1 or shared[place] <= depth:
            yield first, place
            first = place + 1
