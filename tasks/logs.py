"""Keep the flow's log readable: an expected error is one line, not a traceback."""

import logging

from gptpath.errors import GptPathError

PREFECT_LOGGERS = ("prefect.flow_runs", "prefect.task_runs")


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
