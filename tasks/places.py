"""How many stages work at once, and which of the waiting ones goes next."""

import heapq
import threading
from collections.abc import Generator
from contextlib import contextmanager


class Places:
    """A number of places; of those who wait, the lowest rank enters first."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._waiting: list[int] = []
        self._changed = threading.Condition()

    @contextmanager
    def place(self, rank: int) -> Generator[None, None, None]:
        """Hold a place; ranks must differ."""
        with self._changed:
            heapq.heappush(self._waiting, rank)
            self._changed.wait_for(lambda: self._free > 0 and self._waiting[0] == rank)
            heapq.heappop(self._waiting)
            self._free -= 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()
