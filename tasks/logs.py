"""The flow's log: an expected error is one line, not a traceback; JSON where it is asked for."""

import logging
import sys
from typing import Any

from prefect.logging.handlers import PrefectConsoleHandler

from gptpath.errors import GptPathError
from gptpath.stages.json_log import JsonFormatter, json_is_asked_for

PREFECT_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


RUN_FACTS = {
    "flow_run_id": "flow_run_id",
    "flow_run": "flow_run_name",
    "task_run_id": "task_run_id",
    "task_run": "task_run_name",
}
"""Name in a JSON line -> attribute that Prefect gives to the records of a run."""
STAGE_LINE = "stage_line"
"""Attribute of records that pass a stage's own JSON line on."""


class FlowJsonFormatter(JsonFormatter):
    """Adds the ids of flow run and task run; a stage's own line keeps all that it says."""

    def line(self, record: logging.LogRecord) -> dict[str, Any]:
        """What the line of a record says."""
        known = {name: getattr(record, attribute, None) for name, attribute in RUN_FACTS.items()}
        facts = {name: str(value) for name, value in known.items() if value}
        return super().line(record) | facts | getattr(record, STAGE_LINE, {})


def log_as_asked() -> None:
    """Write this process's console log as JSON lines where GPTPATH_LOG says so."""
    if not json_is_asked_for():
        return
    root = logging.getLogger()
    for handler in [one for one in root.handlers if isinstance(one, PrefectConsoleHandler)]:
        plain = logging.StreamHandler(sys.stderr)
        plain.setFormatter(FlowJsonFormatter())
        root.removeHandler(handler)
        root.addHandler(plain)


def hide_tracebacks_of_expected_errors() -> None:
    """Drop the traceback that Prefect logs with an error that already says what to do."""
    for name in PREFECT_LOGGERS:
        logger = logging.getLogger(name)
        if _without_traceback not in logger.filters:
            logger.addFilter(_without_traceback)


def _without_traceback(record: logging.LogRecord) -> bool:
    if record.exc_info and isinstance(record.exc_info[1], GptPathError):
        record.exc_info = None
    return True
