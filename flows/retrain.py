"""New data, code or parameters -> challengers -> gate -> champions.

    python flows/retrain.py

trains what is stale of the stage graph, compares the trained models with the registry's champions
on the same held-out items, and promotes those that are better (docs/gate.md). If nothing has
changed and every model is decided on, it says so and stops.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Started as a file, Python knows only flows/ itself; what is installed may be another checkout's.
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from prefect import flow, get_run_logger  # noqa: E402

from flows.research_path import research_path  # noqa: E402
from gptpath.config.loading import load_params  # noqa: E402
from gptpath.errors import GptPathError  # noqa: E402
from gptpath.gate.contenders import gated_models  # noqa: E402
from gptpath.text.interpreter import write_interpreter  # noqa: E402
from tasks.challengers import GateVerdict, decide_on, undecided_models  # noqa: E402
from tasks.checkout_lock import whole_checkout  # noqa: E402
from tasks.flow_tools import flow_tools  # noqa: E402
from tasks.graph import plan_stages  # noqa: E402
from tasks.logs import log_as_asked  # noqa: E402
from tasks.notices import notify  # noqa: E402
from tasks.parameters import write_profile  # noqa: E402
from tasks.publishing import check_publishing, publish  # noqa: E402
from tasks.recovery import go_on_after_crash  # noqa: E402
from tasks.running import run_as_program  # noqa: E402


@dataclass(frozen=True, kw_only=True, slots=True)
class Retraining:
    """How a retraining ended."""

    stale: tuple[str, ...]
    """Stages that had to run, in order."""
    verdicts: tuple[GateVerdict, ...]

    def summary(self) -> str:
        """One line a model, or why there is none."""
        if not self.verdicts:
            return (
                "Nothing to retrain: data, code and parameters are as they were, "
                "and every model is decided on."
            )
        return "\n".join(verdict.sentence for verdict in self.verdicts)


@flow(name="retrain", on_crashed=[go_on_after_crash])
def retrain(
    profile: str | None = None,
    changes: list[str] | None = None,
    models: list[str] | None = None,
    notify_block: str | None = None,
    push: bool = False,
    commit_to: str | None = None,
    root: Path = ROOT,
) -> Retraining:
    """Train what has changed and let the gate decide; a refusal is a result, not a failure.

    Args:
        profile: written to params.yaml before anything runs; None leaves params.yaml alone.
        changes: `a.b=value` changes to that profile; without one they are refused.
        models: models to gate; None takes gate.models, or all of matrix.models and classifiers.
        notify_block: a Prefect notification block, `TYPE/NAME`, told how it ended, and when a
            training stalls or diverges; so is the address in GPTPATH_WEBHOOK_URL.
        push: afterwards, send what DVC tracks to its remote.
        commit_to: afterwards, commit params.yaml and dvc.lock to this branch.
        root: the checkout.

    Raises:
        GptPathError: parameters are wrong, a stage failed, or the gate could not compare.
    """
    log_as_asked()
    try:
        with whole_checkout(root):
            check_publishing(root, push=push, commit_to=commit_to)
            done = _retrain(profile, changes, models, notify_block, root)
            publish(root, push=push, commit_to=commit_to)
    except GptPathError as error:
        notify(f"The retraining failed. {error}", block=notify_block)
        raise
    if done.verdicts:
        notify(done.summary(), done.verdicts, block=notify_block)
    return done


def _retrain(
    profile: str | None,
    changes: list[str] | None,
    models: list[str] | None,
    notify_block: str | None,
    root: Path,
) -> Retraining:
    write_profile(root, profile, changes)
    params = load_params(root / "params.yaml")
    write_interpreter(root)
    graph = plan_stages(root)
    stale = tuple(name for name in graph.order if name not in graph.fresh)
    if not stale and not undecided_models(root, gated_models(root, params, models)):
        done = Retraining(stale=(), verdicts=())
        get_run_logger().info(done.summary())
        return done
    if stale:
        research_path(notify_block=notify_block, root=root)
    names = gated_models(root, params, models)
    with flow_tools(root, params.profile, flow="retrain", places=1) as tools:
        return Retraining(stale=stale, verdicts=tuple(decide_on(root, names, tools)))


if __name__ == "__main__":
    sys.exit(run_as_program(lambda: retrain().summary(), what="The retraining"))
