"""How any stage runs as a Prefect task: `dvc repro -s <stage>`, streamed, recorded, versioned."""

import logging
import os
import re
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from prefect import Task, get_run_logger, task
from prefect.artifacts import (
    create_markdown_artifact,
    create_progress_artifact,
    update_progress_artifact,
)
from prefect.cache_policies import NO_CACHE

from gptpath.errors import PipelineError
from gptpath.stages.json_log import read_json_line
from gptpath.stages.stopping import FLOW_PROCESS
from gptpath.tracking.lineage import split_name
from gptpath.tracking.recorder import FLOW_RUN, PARENT_RUN
from tasks.alerts import alerting
from tasks.dvc import DVC, dvc_environment
from tasks.logs import STAGE_LINE
from tasks.policies import policy_of, stall_seconds_of
from tasks.records import FlowTools, StageJob, StageVersion, read_version
from tasks.watch import TrainingWatch

PROGRESS = re.compile(r"(?:step|progress)\s+(\d+)/(\d+)\b")
PROGRESS_SECONDS = 2.0
"""Least time between two updates of the progress artifact."""
AWAY_SECONDS = 300.0
"""The same after one that the server did not take: its client tries that for more than a minute."""

DVC_TALK = (
    "To track the changes",
    "To enable auto staging",
    "\tgit add",
    "\tdvc config",
    "Use `dvc push`",
    "Generating lock file",
    "Updating lock file",
)
"""Beginnings of DVC's lines that say nothing about the stage."""

KILLED = re.compile(r"exited with (?:-9|137)\b")


class StageKilledError(PipelineError):
    """The stage's process was killed from outside; trying again resumes it."""


def stage_task(name: str) -> Task[[StageJob, FlowTools], StageVersion]:
    """Return the Prefect task of a stage, with the retries of its policy."""
    stage, item = split_name(name)
    policy = policy_of(stage)
    return run_stage.with_options(
        name=stage,
        task_run_name=name,
        tags={item} if item else set(),
        retries=policy.retries,
        retry_delay_seconds=policy.retry_delay_seconds,
        retry_condition_fn=was_killed,
    )


def was_killed(task: Any, task_run: Any, state: Any) -> bool:
    """Whether a failed attempt is worth another: only when its process was killed."""
    del task, task_run
    return isinstance(state.data, StageKilledError)


@task(cache_policy=NO_CACHE)
def run_stage(job: StageJob, tools: FlowTools) -> StageVersion:
    """Bring one stage up to date and return its version.

    A fresh stage starts no process; it is linked to the run that made it. Raises PipelineError
    with the stage's own error.
    """
    seconds = None
    if not job.fresh:
        asked = time.monotonic()
        with tools.places.place(job.rank), tools.clock.running(job.name):
            started = time.monotonic()
            tools.clock.add_wait(job.name, started - asked)
            if _reproduce(job, tools):
                seconds = time.monotonic() - started
    version = read_version(job.root, job.name, seconds=seconds)
    run_id = tools.record.link(
        job.name,
        version.run_id,
        version=version.version,
        outs=version.outputs,
        skipped=version.skipped,
    )
    version = replace(version, run_id=run_id)
    create_markdown_artifact(
        key=artifact_key("stage", job.name), markdown=version_page(version, tools)
    )
    return version


def _reproduce(job: StageJob, tools: FlowTools) -> bool:
    """Run DVC for the stage; returns whether the stage's command had to run."""
    stage, _ = split_name(job.name)
    watch = TrainingWatch(
        job.name,
        stall_seconds=stall_seconds_of(stage),
        on_alert=alerting(flow_run_id=tools.flow_run_id, notify_block=tools.notify_block),
    )
    output = _StageOutput(job.name, watch)
    flow = {
        FLOW_PROCESS: str(os.getpid()),
        FLOW_RUN: tools.flow_run_id,
        PARENT_RUN: tools.record.run_id or "",
    }
    with watch:
        code = tools.children.run(
            [*DVC, "repro", "-s", job.name],
            cwd=job.root,
            env=dvc_environment(job.root) | flow,
            on_line=output.take,
            timeout_seconds=policy_of(stage).timeout_seconds,
        )
    if code != 0:
        error = explain(output.last, code)
        watch.failed(error)
        killed = code == -9 or any(KILLED.search(line) for line in output.last)
        raise StageKilledError(error) if killed else PipelineError(error)
    return output.ran


class _StageOutput:
    """Where a stage's lines go: log, progress bar, watch, and the last are kept for errors."""

    def __init__(self, name: str, watch: TrainingWatch) -> None:
        self.last: deque[str] = deque(maxlen=40)
        self.ran = False
        self._watch = watch
        self._key = artifact_key("progress", name)
        self._logger = get_run_logger()
        self._bar: Any = None
        self._next_update = 0.0

    def take(self, line: str) -> None:
        """Take one line of DVC or of the stage; of a JSON line its message counts."""
        told = read_json_line(line)
        level = logging.INFO
        if told is not None:
            line = str(told["message"])
            level = logging.getLevelNamesMapping().get(str(told.get("level")).upper(), level)
        if not line.strip() or line.startswith(DVC_TALK):
            return
        self.last.append(line)
        self.ran = self.ran or line.startswith("Running stage ")
        self._logger.log(level, line, extra={} if told is None else {STAGE_LINE: told})
        self._watch.take(line)
        if match := PROGRESS.match(line):
            self._show(100 * int(match[1]) / max(1, int(match[2])))

    def _show(self, percent: float) -> None:
        """Move the bar; a server that is away costs a warning, never the stage."""
        if time.monotonic() < self._next_update and percent < 100:
            return
        pause = PROGRESS_SECONDS
        try:
            if self._bar is None:
                self._bar = create_progress_artifact(percent, key=self._key)
            else:
                update_progress_artifact(self._bar, percent)
        except Exception as error:  # whatever a server may answer
            self._logger.warning("Prefect did not take the progress: %s", error)
            pause = AWAY_SECONDS
        self._next_update = time.monotonic() + pause


def explain(lines: Sequence[str], code: int) -> str:
    """Choose from a failed stage's last lines those that say why, as one short text.

    The stage's own sentence (`gptpath <stage>: ...`) comes first, then the last line of a
    traceback, then DVC's error.
    """
    lines = [line for line in lines if line.strip()]
    for number, line in enumerate(lines):
        if match := re.match(r"gptpath [\w-]+: (.*)", line):
            rest = [more.strip() for more in lines[number + 1 :] if not more.startswith("ERROR")]
            return " ".join([match[1], *rest])
    for pattern in (r"[\w.]+(Error|Exception|Interrupt)\b", r"ERROR: "):
        found = [line for line in lines if re.match(pattern, line)]
        if found:
            return found[-1].removeprefix("ERROR: ")
    return lines[-1] if lines else f"DVC ended with code {code} and said nothing"


def version_page(version: StageVersion, tools: FlowTools) -> str:
    """The task's version as a page of the Prefect run."""
    state = "up to date, not run" if version.skipped else "run"
    head = [
        f"**{version.name}** version `{version.version}` ({state})",
        f"MLflow run `{version.run_id or 'none'}`",
        f"MLflow run of the flow `{tools.record.run_id or 'none'}`",
    ]
    rows = [
        f"| {kind} | {name} | {value} |"
        for kind, values in (
            ("output", version.outputs),
            ("input", version.inputs),
            ("parameter", version.params),
        )
        for name, value in values.items()
    ]
    return "\n".join(["\n\n".join(head), "", "| | | md5 or value |", "|---|---|---|", *rows])


def artifact_key(kind: str, name: str) -> str:
    """A key that Prefect takes: lower-case letters, digits and dashes."""
    return f"{kind}-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
