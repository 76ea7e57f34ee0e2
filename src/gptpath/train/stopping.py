"""When a training must break off: it is told to by a signal, or nobody waits for it any more."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType


class StopRequested(SystemExit):
    """Raised between two pieces of work; ends the process unless a trainer saves its state first.

    The exit code is what a shell reports of a process that the signal ended: 143 for SIGTERM.
    """

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)
        self.signum = signum


class StopSignal:
    """Remembers a SIGTERM or SIGINT, and notices that the parent process is gone.

    Or another process, `watched`, which must be there as long as the work is wanted.
    """

    def __init__(self, watched: int | None = None) -> None:
        self._parent, self._watched = os.getppid(), watched
        self._signum: int | None = None

    def tell(self, signum: int, frame: FrameType | None = None) -> None:
        """Ask for a stop; a signal handler."""
        del frame
        self._signum = signum

    def check(self) -> None:
        """Raise StopRequested if the work must break off here."""
        if (signum := self.requested()) is not None:
            raise StopRequested(signum)

    def requested(self) -> int | None:
        """Signal by which a stop was asked for so far."""
        # Polled, not PR_SET_PDEATHSIG: that one fires when the parent's thread ends.
        if self._signum is None and (os.getppid() != self._parent or not alive(self._watched)):
            self._signum = signal.SIGTERM
        return self._signum


def alive(process: int | None) -> bool:
    """Whether a process is at work; one that is dead but not yet waited for is not."""
    if process is None:
        return True
    try:
        os.kill(process, 0)
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except ProcessLookupError:
        return False
    except (PermissionError, FileNotFoundError):  # another user's; a system without /proc
        return True
    return stat.rpartition(")")[2].split()[0] not in ("Z", "X")


@contextmanager
def stop_on_signals(watched: int | None = None) -> Generator[StopSignal]:
    """Turn SIGTERM and SIGINT into a request to stop while the context lasts."""
    stop = StopSignal(watched)
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may set handlers
        return
    previous = {s: signal.signal(s, stop.tell) for s in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for signum, handler in previous.items():
            signal.signal(signum, handler)
