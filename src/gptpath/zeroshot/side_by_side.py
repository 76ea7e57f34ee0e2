"""Independent pieces of work on the cores of a CPU, each computed by kernels of one thread.

One kernel spread over all cores waits for the slowest of them at its end, thousands of times a
second; pieces wait for each other once. What a piece computes does not depend on how many run.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterable

import torch

Piece = Callable[[], "Iterable[Piece]"]
"""Work that hands back further pieces, which are done next: depth first, so that memory that
pieces share is held for a few of them only."""


def run(pieces: Iterable[Piece], threads: int) -> None:
    """Do all pieces and what follows from them; the first error ends it and is raised.

    With one thread, in the calling one, whose kernels stay as they are.
    """
    if threads == 1:
        stack = deque(pieces)
        while stack:
            stack.extendleft(reversed(list(stack.popleft()())))
        return
    work = _Work(pieces)
    team = [threading.Thread(target=work.help_out, daemon=True) for _ in range(threads)]
    try:
        for thread in team:
            thread.start()
        for thread in team:
            thread.join()
    finally:
        work.give_up()
        torch.set_num_threads(threads)  # torch keeps a default for new threads besides each one's
    if work.error is not None:
        raise work.error


class _Work:
    """The pieces that wait, and how many are being done."""

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self.error: BaseException | None = None
        self._waiting = deque(pieces)
        self._busy = 0
        self._changed = threading.Condition()

    def give_up(self) -> None:
        """Start no further piece."""
        with self._changed:
            self._waiting.clear()

    def help_out(self) -> None:
        """Do one piece after another, until none waits and none is being done."""
        torch.set_num_threads(1)
        with torch.inference_mode():
            while (piece := self._next()) is not None:
                self._do(piece)

    def _next(self) -> Piece | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._busy)
            if not self._waiting:
                return None
            self._busy += 1
            return self._waiting.popleft()

    def _do(self, piece: Piece) -> None:
        further: list[Piece] = []
        try:
            further = list(piece())
        except BaseException as error:  # raised again where `run` was called
            self.error = self.error or error
            self.give_up()
        with self._changed:
            self._busy -= 1
            if self.error is None:
                self._waiting.extendleft(reversed(further))
            self._changed.notify_all()
