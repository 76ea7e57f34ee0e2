"""Events and log lines of the first rank, told to the stage through a file of JSON lines.

A file, not a pipe: it outlives whoever reads it, and the first rank may be on another node.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any

from gptpath.errors import GptPathError
from gptpath.events import CheckpointSaved, Emit, Evaluated, Event, StepFinished

_EVENTS = {kind.__name__: kind for kind in (StepFinished, Evaluated, CheckpointSaved)}


class Teller(logging.Handler):
    """Writes events, log records and how a rank ended; one whole line at a time."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("ab", buffering=0)
        self._file.write(b"\n")  # whoever wrote before may have been killed in the middle of a line

    def tell(self, event: Event) -> None:
        """Pass an event on; the callback of the training."""
        self._write({"event": type(event).__name__, "values": asdict(event)})  # type: ignore[arg-type]

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a log record on."""
        self._write({"log": record.name, "level": record.levelno, "text": record.getMessage()})

    def stopped(self, signum: int) -> None:
        """Tell that the ranks have saved their state and ended, as they were asked to."""
        self._write({"stopped": signum})

    def failed(self, error: GptPathError) -> None:
        """Tell why the ranks cannot go on."""
        self._write({"failed": type(error).__name__, "text": str(error)})

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _write(self, value: dict[str, Any]) -> None:
        self._file.write(json.dumps(value, default=str).encode() + b"\n")


class Listener:
    """Reads what a Teller writes from now on."""

    def __init__(self, path: Path, emit: Emit) -> None:
        """Events go to `emit`, log records to their loggers."""
        path.touch()
        self._file: IO[bytes] = path.open("rb")
        self._file.seek(0, 2)
        self._rest = b""
        self._emit = emit
        self.stopped: int | None = None
        """Signal on which the ranks have ended."""
        self.failure: tuple[str, str] | None = None
        """Class and message of the error that ended them."""

    def listen(self) -> None:
        """Pass on what has been written since the last time."""
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        for line in lines:
            if line:
                self._hear(line)

    def close(self) -> None:
        """Hear the last lines and close the file."""
        self.listen()
        self._file.close()

    def _hear(self, line: bytes) -> None:
        try:
            value: dict[str, Any] = json.loads(line)
        except ValueError:  # the rank was killed while it wrote
            return
        if "event" in value:
            self._emit(_event(value["event"], value["values"]))
        elif "log" in value:
            logging.getLogger(value["log"]).log(value["level"], "%s", value["text"])
        elif "stopped" in value:
            self.stopped = value["stopped"]
        elif "failed" in value:
            self.failure = value["failed"], value["text"]


def _event(name: str, values: dict[str, Any]) -> Event:
    if "path" in values:
        values = values | {"path": Path(values["path"])}
    build: Callable[..., Event] = _EVENTS[name]
    return build(**values)
