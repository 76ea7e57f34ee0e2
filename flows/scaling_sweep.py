"""All models of the matrix side by side, each on a worker with a checkout of its own.

    python flows/scaling_sweep.py

needs a Prefect server, workers of the deployment `train-model/worker`, and a DVC remote that they
share (docs/operations.md). What the models read is made here; each worker trains one model; their
results are put into this checkout as if they had been made in it.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
# Started as a file, Python knows only flows/ itself; what is installed may be another checkout's.
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from prefect import flow, get_run_logger  # noqa: E402
from prefect.client.schemas.objects import FlowRun  # noqa: E402

from flows.research_path import research_path  # noqa: E402
from gptpath.config.loading import load_params  # noqa: E402
from gptpath.errors import PipelineError  # noqa: E402
from tasks.checkout_lock import whole_checkout  # noqa: E402
from tasks.graph import StageGraph, plan_stages  # noqa: E402
from tasks.handover import read_standing, require_shared_inputs, take_entries  # noqa: E402
from tasks.logs import log_as_asked  # noqa: E402
from tasks.parameters import write_profile  # noqa: E402
from tasks.publishing import check_publishing, publish, push_data  # noqa: E402
from tasks.recovery import go_on_after_crash  # noqa: E402
from tasks.results import results_table  # noqa: E402
from tasks.running import run_as_program  # noqa: E402
from tasks.sub_runs import SubRuns, cancel_sub_runs  # noqa: E402

AFTER = "scaling"
"""The stage that compares all models."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sweep:
    """How a sweep ended."""

    trained: tuple[str, ...]
    """Models that workers have brought up to date."""
    fresh: tuple[str, ...]
    """Models for which nothing had to be done."""

    def summary(self) -> str:
        """One line."""
        if not self.trained:
            return f"Nothing had to be done: all {len(self.fresh)} models are up to date."
        return f"Trained on workers: {', '.join(self.trained)}; up to date: {len(self.fresh)}."


def stop_workers(flow: Any, flow_run: FlowRun, state: Any) -> None:
    """Hook `on_cancellation`: a sweep that is cancelled takes its models with it."""
    del flow, state
    cancel_sub_runs(flow_run.id)


@flow(
    name="scaling-sweep",
    on_crashed=[go_on_after_crash],
    on_cancellation=[stop_workers],
)
def scaling_sweep(
    profile: str | None = None,
    changes: list[str] | None = None,
    models: list[str] | None = None,
    deployment: str = "train-model/worker",
    push: bool = False,
    commit_to: str | None = None,
    root: Path = ROOT,
) -> Sweep:
    """Train every stale model on a worker, then the stage `scaling` if the sweep is of all models.

    Args:
        profile: written to params.yaml before anything runs; None leaves params.yaml alone.
        changes: `a.b=value` changes to that profile; without one they are refused.
        models: models to bring up to date; None takes matrix.models.
        deployment: what trains one model, `FLOW/DEPLOYMENT`.
        push: afterwards, send what DVC tracks to its remote.
        commit_to: afterwards, commit params.yaml and dvc.lock to this branch.
        root: the checkout.

    Raises:
        GptPathError: parameters are wrong, the checkout has code or data that workers cannot get,
            or a model failed. The others' results are in the checkout by then.
    """
    log_as_asked()
    with whole_checkout(root):
        check_publishing(root, push=True, commit_to=commit_to)
        write_profile(root, profile, changes)
        names = tuple(models or load_params(root / "params.yaml").matrix.models)
        graph = plan_stages(root)
        stages = stages_of_models(graph, names)
        before = graph.needed_for(stages).only(set(graph.order) - set(stages)).order
        research_path(stages=list(before), root=root)
        graph = plan_stages(root)
        stale = tuple(name for name in names if not graph.fresh.issuperset(graph.of_item(name)))
        get_run_logger().info("%d models, of which %d are stale", len(names), len(stale))
        if stale:
            push_data(root, before)
            _train(root, graph, stale, deployment)
        if models is None and AFTER in graph.order:
            research_path(stages=[AFTER], root=root)
        publish(root, push=push, commit_to=commit_to)
        return Sweep(trained=stale, fresh=tuple(name for name in names if name not in stale))


def stages_of_models(graph: StageGraph, models: tuple[str, ...]) -> tuple[str, ...]:
    """The stages of all models; PipelineError naming a model that the graph lacks."""
    for model in models:
        if not graph.of_item(model):
            raise PipelineError(f"no stage of dvc.yaml has the model {model}; see matrix.models")
    return tuple(name for model in models for name in graph.of_item(model))


def _train(root: Path, graph: StageGraph, models: tuple[str, ...], deployment: str) -> None:
    """Have workers train the models and take in what they made."""
    require_shared_inputs(root, stages_of_models(graph, models))
    standing = read_standing(root)
    runs = SubRuns(deployment)
    try:
        for model in models:
            runs.start(model, {"model": model, "standing": standing})
        failures = runs.wait()
    except BaseException as error:  # a signal's is no Exception: the run has crashed then
        runs.abandon(crashed=not isinstance(error, Exception))
        raise
    done = [model for model in models if model not in failures]
    if done:
        take_entries(root, [runs.handed_over(model) for model in done])
    now = plan_stages(root)
    for model in done:
        if not now.fresh.issuperset(now.of_item(model)):
            failures[model] = "its worker had other inputs than lie here; see `dvc status`"
    if failures:
        raise PipelineError("\n".join(f"Model {m} failed: {e}" for m, e in failures.items()))


def _sweep() -> str:
    done = scaling_sweep()
    return "\n\n".join(filter(None, (results_table(ROOT), done.summary())))


if __name__ == "__main__":
    sys.exit(run_as_program(_sweep, what="The sweep"))
