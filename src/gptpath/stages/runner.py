"""Runs one stage: parameters, log lines, MLflow run, measured ledger. DVC's command ends here."""

import atexit
import gc
import importlib
import json
import logging
import os
import sys
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gptpath.config.loading import load_params
from gptpath.errors import PipelineError
from gptpath.events import Emit, Event, ModelFinished
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.stages.gpus import gpus_needed, reserved_gpus
from gptpath.stages.json_log import JsonFormatter, json_is_asked_for
from gptpath.stages.log_lines import log_line
from gptpath.stages.stopping import ignore_stops, stoppable
from gptpath.tracking.lineage import ledger_path
from gptpath.tracking.recorder import (
    FLOW_RUN,
    Recorder,
    StageFacts,
    Status,
    collect_facts,
    open_recorder,
)
from gptpath.tracking.revision import read_revision

RunFunction = Callable[[StageContext], StageOutcome]

logger = logging.getLogger(__name__)

# Python's last collection visits every object of torch and MLflow: 1.5 s for nothing.
atexit.register(gc.freeze)


def run_stage(root: Path, name: str, item: str | None) -> None:
    """Run stage `name` in the checkout `root`, log it to stdout, and record it.

    Raises GptPathError for what the user can act on, SystemExit when told to stop.
    """
    formatter = log_to_stdout(stage=name, item=item, flow_run_id=os.environ.get(FLOW_RUN))
    root = root.resolve()
    params = load_params(root / "params.yaml")
    with stoppable(), reserved_gpus(gpus_needed(params, name)):
        with collector_paused():
            run = _stage_function(name)
            facts = collect_facts(root, params, name, item, read_revision(root))
            recorder = open_recorder(root, facts)
        if isinstance(formatter, JsonFormatter):
            formatter.facts["mlflow_run_id"] = recorder.run_id
        models: list[ModelFinished] = []
        context = StageContext(
            root=root, params=params, item=item, emit=_listener(recorder, models)
        )
        status: Status = "FAILED"
        summary: Mapping[str, float] = {}
        try:
            outcome, ledger = _measured(run, context, facts, recorder)
            ignore_stops()  # the work is done, and what is left takes seconds
            for model in models:
                recorder.register(model, ledger)
            path = ledger_path(root, name, item)
            # The report reads all ledgers: one of its own would make it stale at once.
            if path.relative_to(root).as_posix() in facts.outs:
                _write_ledger(path, ledger)
            status, summary = "FINISHED", outcome.metrics
        except SystemExit:
            status = "KILLED"
            raise
        finally:
            ignore_stops()
            recorder.finish(status, summary)


@contextmanager
def collector_paused() -> Generator[None, None, None]:
    """No search for cyclic garbage meanwhile: importing makes none, and takes a quarter less."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def log_to_stdout(**facts: str | None) -> logging.Formatter:
    """Send the library's lines to stdout; other libraries' warnings too.

    Returns their formatter; where JSON is asked for (GPTPATH_LOG), each line repeats the facts.
    """
    formatter = JsonFormatter(**facts) if json_is_asked_for() else _LineFormatter()
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("gptpath").setLevel(logging.INFO)
    return formatter


class _LineFormatter(logging.Formatter):
    """The message alone; from warnings on, with its level in front."""

    def format(self, record: logging.LogRecord) -> str:
        line = super().format(record)
        if record.levelno >= logging.WARNING:
            return f"{record.levelname.lower()}: {line}"
        return line


def _stage_function(name: str) -> RunFunction:
    module = f"gptpath.stages.{name}"
    try:
        return importlib.import_module(module).run
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise PipelineError(f"there is no stage {name!r}: {module} does not exist") from None


def _listener(recorder: Recorder, models: list[ModelFinished]) -> Emit:
    """Return the callback that logs each event, records it, and keeps models for the end.

    Models are registered when the stage is done, with its whole ledger.
    """

    def emit(event: Event) -> None:
        logger.info(log_line(event), extra={"event": event})
        recorder.record(event)
        if isinstance(event, ModelFinished):
            models.append(event)

    return emit


def _measured(
    run: RunFunction, context: StageContext, facts: StageFacts, recorder: Recorder
) -> tuple[StageOutcome, dict[str, Any]]:
    """Run the stage and measure it; returns its outcome and its ledger (docs/formats.md)."""
    from gptpath.train.ledger import Meter, account, machine

    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    with Meter() as reading:
        outcome = run(context)
    ledger: dict[str, Any] = {
        "stage": facts.stage,
        "item": facts.item,
        "mlflow_run_id": recorder.run_id,
        "git_commit": facts.revision.commit,
        "started_at": started_at,
        **account(reading, outcome.attempts, outcome.flops),
        "machine": machine(),
        "tokens": outcome.tokens,
        "flops": outcome.flops,
    }
    if outcome.chosen:
        ledger["chosen"] = dict(outcome.chosen)
    return outcome, ledger


def _write_ledger(path: Path, ledger: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(json.dumps(ledger, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    os.replace(temporary, path)
