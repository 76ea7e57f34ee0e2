"""What a flow run came to: versions, failures, and the stages that could not run."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from prefect.artifacts import create_table_artifact
from prefect.futures import PrefectFuture

from gptpath.errors import PipelineError
from tasks.graph import StageGraph
from tasks.records import FlowTools, StageVersion


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowOutcome:
    """The end of a flow run, stage by stage, in the order of the graph."""

    versions: tuple[StageVersion, ...]
    failures: Mapping[str, str]
    """Stage -> its error."""
    not_run: tuple[str, ...]
    """Stages below a failed one."""

    def raise_failures(self) -> None:
        """Raise PipelineError naming every failed stage, if any failed."""
        if not self.failures:
            return
        told = [f"Stage {name} failed: {error}" for name, error in self.failures.items()]
        if self.not_run:
            told.append(f"Not run because of it: {', '.join(self.not_run)}.")
        raise PipelineError("\n".join(told))

    def summary(self) -> str:
        """Say in one line what was done."""
        skipped = sum(version.skipped for version in self.versions)
        if skipped == len(self.versions):
            return f"Nothing had to be done: all {skipped} stages are up to date."
        done = len(self.versions) - skipped
        said = f"{done} stages run, {skipped} were up to date."
        overheads = {v.name: v.overhead_seconds for v in self.versions}
        known = {name: value for name, value in overheads.items() if value is not None}
        if not known:
            return said
        work = sum(v.work_seconds or 0.0 for v in self.versions if v.name in known)
        most = max(known, key=known.__getitem__)
        share = sum(known.values()) / (work + sum(known.values()))
        return (
            f"{said} Seconds of work: {work:.0f}; of starting and recording: "
            f"{sum(known.values()):.0f} ({share:.0%}), at most {known[most]:.1f} ({most})."
        )


def gather(graph: StageGraph, futures: Mapping[str, PrefectFuture[StageVersion]]) -> FlowOutcome:
    """Wait for every stage and sort the ends."""
    versions: list[StageVersion] = []
    failures: dict[str, str] = {}
    not_run: list[str] = []
    for name in graph.order:
        _wait(futures[name])
        state = futures[name].state
        if state.is_completed():
            versions.append(futures[name].result())
        elif state.name == "NotReady":
            not_run.append(name)
        else:
            error = futures[name].result(raise_on_failure=False)
            failures[name] = str(error) or repr(error)
    return FlowOutcome(versions=tuple(versions), failures=failures, not_run=tuple(not_run))


def _wait(future: PrefectFuture[StageVersion]) -> None:
    """Wait in short pieces: a lock held without end keeps Python from noticing Ctrl-C."""
    done = threading.Event()
    future.add_done_callback(lambda _: done.set())
    while not done.wait(0.5):
        pass
    future.wait()


def report_links(outcome: FlowOutcome, tools: FlowTools, *, queued_seconds: float | None) -> None:
    """Leave a table in Prefect: how each stage ended, its times, its version and MLflow run.

    `queued_seconds` is how long the flow run waited for a worker, None if nobody knows.
    """
    clock, record = tools.clock, tools.record
    rows = [
        {
            "stage": version.name,
            "version": version.version,
            "done": "up to date" if version.skipped else "run",
            "waited": _rounded(clock.waited(version.name)),
            "ran": _rounded(clock.ran(version.name)),
            "of which overhead": _rounded(version.overhead_seconds),
            "MLflow run": version.run_id or "",
        }
        for version in outcome.versions
    ]
    rows += [
        {
            "stage": name,
            "version": "",
            "done": f"failed: {error}",
            "waited": _rounded(clock.waited(name)),
            "ran": _rounded(clock.ran(name)),
        }
        for name, error in outcome.failures.items()
    ]
    rows += [{"stage": name, "version": "", "done": "not run"} for name in outcome.not_run]
    queued = "" if queued_seconds is None else f" It waited {queued_seconds:.1f} s for its start."
    create_table_artifact(
        rows,
        key="stages",
        description=f"MLflow run of this flow run: {record.run_id or 'none'}.{queued} Times of the "
        "stages in seconds; waited: for a place beside other stages.",
    )


def _rounded(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.1f}"
