"""Log lines as JSON objects, for machines that collect them: `GPTPATH_LOG=json`."""

import json
import logging
import os
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from gptpath.errors import ConfigError
from gptpath.events import Event

ENVIRONMENT = "GPTPATH_LOG"
"""Environment variable: `json`, or `text` (the default)."""


def json_is_asked_for() -> bool:
    """Whether lines shall be JSON; ConfigError if the variable says neither."""
    asked = os.environ.get(ENVIRONMENT, "") or "text"
    if asked not in ("json", "text"):
        raise ConfigError(f"{ENVIRONMENT}={asked!r}; expected json or text")
    return asked == "json"


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, logger, message, and what is known of the run."""

    def __init__(self, **facts: str | None) -> None:
        super().__init__()
        self.facts: dict[str, str | None] = dict(facts)
        """Ids that each line repeats: stage, item, flow_run_id, mlflow_run_id."""

    def format(self, record: logging.LogRecord) -> str:
        """The line as text."""
        return json.dumps(self.line(record), default=str, ensure_ascii=False)

    def line(self, record: logging.LogRecord) -> dict[str, Any]:
        """What the line of a record says."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **{name: value for name, value in self.facts.items() if value},
        }
        event: Event | None = getattr(record, "event", None)
        if event is not None:
            line |= {"event": type(event).__name__, "values": asdict(event)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return line


def read_json_line(line: str) -> Mapping[str, Any] | None:
    """What a line of a JsonFormatter says; None for any other line."""
    if not line.startswith('{"time": '):
        return None
    try:
        found = json.loads(line)
    except ValueError:  # the stage was killed while it wrote
        return None
    return found if isinstance(found, dict) and "message" in found else None
