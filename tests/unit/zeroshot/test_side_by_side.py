import threading
import time
from collections.abc import Iterable

import pytest
import torch

from gptpath.zeroshot.side_by_side import Piece, run


class Tree:
    """Pieces that each hand back two more, down to a depth; notes who did what, when."""

    def __init__(self) -> None:
        self.done: list[str] = []
        self.by: dict[str, int] = {}
        self.kernels: set[int] = set()

    def piece(self, name: str, depth: int) -> Piece:
        def work() -> Iterable[Piece]:
            time.sleep(0.002)
            self.done.append(name)
            self.by[name] = threading.get_ident()
            self.kernels.add(torch.get_num_threads())
            return [self.piece(name + end, depth - 1) for end in "ab"] if depth else []

        return work


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_every_piece_and_what_follows_from_it_is_done_once(threads: int) -> None:
    torch.set_num_threads(threads)
    tree = Tree()
    run([tree.piece("x", 3), tree.piece("y", 3)], threads)
    assert len(tree.done) == len(set(tree.done)) == 2 * 15
    assert len(set(tree.by.values())) == threads
    assert tree.kernels == {1}
    assert torch.get_num_threads() == threads


def test_one_thread_goes_depth_first_in_order() -> None:
    tree = Tree()
    run([tree.piece("x", 1), tree.piece("y", 1)], 1)
    assert tree.done == ["x", "xa", "xb", "y", "ya", "yb"]


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_ends_the_work_and_is_raised(threads: int) -> None:
    torch.set_num_threads(threads)
    tree = Tree()

    def fail() -> Iterable[Piece]:
        raise ValueError("a broken piece")

    with pytest.raises(ValueError, match="a broken piece"):
        run([fail, *(tree.piece(str(n), 0) for n in range(200))], threads)
    assert len(tree.done) < 200
    assert torch.get_num_threads() == threads
