"""Batches read ahead: on a GPU, a thread fills pinned memory while the device computes."""

import itertools
import queue
import threading
from collections.abc import Iterator

import torch
from torch import Tensor

from gptpath.train.batches import Batches, inputs_and_targets

_STEPS_AHEAD = 2


def steps_ahead(device: torch.device) -> int:
    """How many steps ahead to read for `device`: none on a CPU, where a thread would only compete.

    Reading a batch takes a thousandth of a step there (docs/training.md).
    """
    return _STEPS_AHEAD if device.type == "cuda" else 0


class Prefetch:
    """One rank's micro-batches step by step, read before they are asked for.

    What a step gets remains a function of (seed, step, data); only the time of reading differs.
    """

    def __init__(
        self, batches: Batches, *, size: int, rows: range, device: torch.device, ahead: int
    ) -> None:
        """Prepare micro-batches of `size` of the `rows` of each batch, `ahead` steps early.

        The thread starts when the first step is asked for; with `ahead` 0 there is none.
        """
        self._batches, self._size, self._rows = batches, size, rows
        self._device, self._ahead = device, ahead
        self._next: int | None = None
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()
        self._room = threading.Semaphore(0)
        self._ready: queue.SimpleQueue[list[Tensor] | Exception] = queue.SimpleQueue()

    def micro_batches(self, step: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and targets of the batch at `step` on the device: two (size, T) each time.

        Raises whatever reading has raised.
        """
        if not self._ahead:
            yield from self._batches.micro_batches(step, self._size, self._device, self._rows)
            return
        if step != self._next:
            self._start(step)
        windows = self._ready.get()
        self._room.release()
        if isinstance(windows, Exception):
            self.close()
            raise windows
        self._next = step + 1
        for tokens in windows:
            yield inputs_and_targets(tokens, self._device)

    def close(self) -> None:
        """End the thread, and forget what it has read."""
        self._next = None
        if self._thread is not None:
            self._closed.set()
            self._room.release()
            self._thread.join()
            self._thread = None

    def _start(self, step: int) -> None:
        self.close()
        self._closed, self._room = threading.Event(), threading.Semaphore(self._ahead)
        self._ready = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._read,
            args=(step, self._closed, self._room, self._ready),
            name="batch-reader",
            daemon=True,
        )
        self._thread.start()

    def _read(
        self,
        first: int,
        closed: threading.Event,
        room: threading.Semaphore,
        ready: "queue.SimpleQueue[list[Tensor] | Exception]",
    ) -> None:
        """Read step after step as there is room; runs in the thread."""
        try:
            if self._device.type == "cuda":  # else pinning would open the first GPU on every rank
                torch.cuda.set_device(self._device)
            for step in itertools.count(first):
                room.acquire()
                if closed.is_set():
                    return
                windows = self._batches.windows(step, self._size, self._rows)
                ready.put([self._pinned(tokens) for tokens in windows])
        except Exception as error:  # raised again by the thread that trains
            ready.put(error)

    def _pinned(self, tokens: Tensor) -> Tensor:
        return tokens.pin_memory() if self._device.type == "cuda" else tokens
