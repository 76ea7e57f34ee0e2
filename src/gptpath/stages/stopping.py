"""How a stage is told to stop: by signal, or by the death of the process that wants its result."""

import os
import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from gptpath.train.stopping import alive

FLOW_PROCESS = "GPTPATH_FLOW_PID"
"""Environment variable: the process of the flow that started the stage."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stoppable(*, poll_seconds: float = 1.0) -> Generator[None, None, None]:
    """Turn SIGTERM and SIGINT into one SystemExit, also when nobody waits for us any more.

    No signal reaches a stage whose DVC or flow dies by `kill -9`, so a thread watches both and
    sends the signal. Training may set a handler of its own that saves a checkpoint first.
    Outside the main thread, where signals cannot be handled, this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(number, _stop) for number in SIGNALS]
    over = threading.Event()
    flow = os.environ.get(FLOW_PROCESS)
    threading.Thread(
        target=_watch,
        args=(over, os.getppid(), int(flow) if flow else None, poll_seconds),
        name="parent-watch",
        daemon=True,
    ).start()
    try:
        yield
    finally:
        over.set()
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)


def ignore_stops() -> None:
    """Do not let a further signal cut the clean-up short, until `stoppable` ends."""
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    ignore_stops()
    raise SystemExit(128 + number)


def _watch(over: threading.Event, parent: int, flow: int | None, poll_seconds: float) -> None:
    while not over.wait(poll_seconds):
        if os.getppid() != parent or not alive(flow):
            os.kill(os.getpid(), signal.SIGTERM)
            return
