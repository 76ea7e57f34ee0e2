"""When a training must break off: it is told to by a signal, or nobody waits for it any more."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType


class StopRequested(SystemExit):
    """Raised between two pieces of work; ends the process unless a trainer saves its state first.

    The exit code is what a shell reports of a process that the signal ended: 143 for SIGTERM.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)


class StopSignal:
    """Remembers a SIGTERM or SIGINT, and notices that the parent process is gone."""

    def __init__(self) -> None:
        self._parent = os.getppid()
        self._signum: int | None = None

    def tell(self, signum: int, frame: FrameType | None = None) -> None:
        """Ask for a stop; a signal handler."""
        del frame
        self._signum = signum

    def check(self) -> None:
        """Raise StopRequested if the work must break off here."""
        # Polled, not PR_SET_PDEATHSIG: that one fires when the parent's thread ends.
        if self._signum is None and os.getppid() != self._parent:
            self._signum = signal.SIGTERM
        if self._signum is not None:
            raise StopRequested(self._signum)


@contextmanager
def stop_on_signals() -> Generator[StopSignal]:
    """Turn SIGTERM and SIGINT into a request to stop while the context lasts."""
    stop = StopSignal()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may set handlers
        return
    previous = {s: signal.signal(s, stop.tell) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
