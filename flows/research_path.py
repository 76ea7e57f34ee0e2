"""The whole research path: every stage of dvc.yaml, in order, side by side where it can.

    python flows/research_path.py

brings the checkout up to date with params.yaml. What is up to date is not run again, and a run
that was stopped goes on where it was.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Started as a file, Python knows only flows/ itself; what is installed may be another checkout's.
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from prefect import flow, get_run_logger  # noqa: E402
from prefect.futures import PrefectFuture  # noqa: E402
from prefect.runtime import flow_run  # noqa: E402
from prefect.task_runners import ThreadPoolTaskRunner  # noqa: E402

from gptpath.config.loading import load_params  # noqa: E402
from gptpath.text.interpreter import write_interpreter  # noqa: E402
from tasks.checkout_lock import whole_checkout  # noqa: E402
from tasks.clock import seconds_since  # noqa: E402
from tasks.flow_tools import flow_tools  # noqa: E402
from tasks.graph import StageGraph, plan_stages  # noqa: E402
from tasks.logs import log_as_asked  # noqa: E402
from tasks.outcome import FlowOutcome, gather, report_links  # noqa: E402
from tasks.parameters import write_profile  # noqa: E402
from tasks.publishing import check_publishing, publish  # noqa: E402
from tasks.records import FlowTools, StageJob, StageVersion  # noqa: E402
from tasks.recovery import go_on_after_crash  # noqa: E402
from tasks.results import results_table, where_to_look  # noqa: E402
from tasks.running import run_as_program  # noqa: E402
from tasks.stage import stage_task  # noqa: E402

Futures = dict[str, PrefectFuture[StageVersion]]


@flow(
    name="research-path",
    task_runner=ThreadPoolTaskRunner(),  # type: ignore[arg-type]
    on_crashed=[go_on_after_crash],
)
def research_path(
    profile: str | None = None,
    changes: list[str] | None = None,
    stages: list[str] | None = None,
    push: bool = False,
    commit_to: str | None = None,
    notify_block: str | None = None,
    root: Path = ROOT,
) -> FlowOutcome:
    """Run what is stale of the stage graph; returns the version of every stage.

    Args:
        profile: written to params.yaml before anything runs; None leaves params.yaml alone.
        changes: `a.b=value` changes to that profile; without one they are refused.
        stages: run these alone, and what they need; None runs all.
        push: afterwards, send what DVC tracks to its remote.
        commit_to: afterwards, commit params.yaml and dvc.lock to this branch.
        notify_block: a Prefect notification block, `TYPE/NAME`, told when a training stalls or
            diverges; so is the address in GPTPATH_WEBHOOK_URL.
        root: the checkout.

    Raises:
        GptPathError: parameters are wrong, or a stage failed; the message names the stage, its
            error, and the stages that could not run without it.
    """
    log_as_asked()
    with whole_checkout(root):
        check_publishing(root, push=push, commit_to=commit_to)
        write_profile(root, profile, changes)
        write_interpreter(root)
        graph = plan_stages(root)
        if stages is not None:
            graph = graph.needed_for(stages)
        outcome = run_graph(root, graph, flow="research-path", notify_block=notify_block)
        publish(root, push=push, commit_to=commit_to)
        return outcome


def run_graph(
    root: Path, graph: StageGraph, *, flow: str, notify_block: str | None = None
) -> FlowOutcome:
    """Run the stages of `graph` below one MLflow run, as `research_path` does and raises."""
    queued_seconds = seconds_since(flow_run.scheduled_start_time)
    params = load_params(root / "params.yaml")
    stale = [name for name in graph.order if name not in graph.fresh]
    get_run_logger().info("%d stages, of which %d are stale", len(graph.order), len(stale))
    places = params.compute.side_by_side
    with flow_tools(
        root, params.profile, flow=flow, places=places, notify_block=notify_block
    ) as tools:
        outcome = gather(graph, submit_stages(root, graph, tools))
        report_links(outcome, tools, queued_seconds=queued_seconds)
        outcome.raise_failures()
        return outcome


def submit_stages(root: Path, graph: StageGraph, tools: FlowTools) -> Futures:
    """Hand every stage to Prefect; each waits for its parents."""
    futures: Futures = {}
    for rank, name in enumerate(graph.order):
        job = StageJob(root=root, name=name, rank=rank, fresh=name in graph.fresh)
        parents = [futures[parent] for parent in graph.parents[name]]
        futures[name] = stage_task(name).submit(job, tools, return_state=False, wait_for=parents)
    return futures


def _path() -> str:
    outcome = research_path()
    said = (results_table(ROOT), outcome.summary(), where_to_look(ROOT))
    return "\n\n".join(filter(None, said))


if __name__ == "__main__":
    sys.exit(run_as_program(_path, what="The path"))
