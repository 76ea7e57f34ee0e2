"""One model of a sweep, on a worker with a checkout of its own.

`scaling_sweep` starts it as the deployment `train-model/worker`. It brings the checkout to where
the sweep's stands, fetches what the model's stages read, runs them, and sends back what they made.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Started as a file, Python knows only flows/ itself; what is installed may be another checkout's.
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from prefect import flow  # noqa: E402
from prefect.task_runners import ThreadPoolTaskRunner  # noqa: E402

from flows.research_path import run_graph  # noqa: E402
from tasks.checkout_lock import whole_checkout  # noqa: E402
from tasks.graph import plan_stages  # noqa: E402
from tasks.handover import Standing, fetch_inputs, lock_entries, take_standing  # noqa: E402
from tasks.logs import log_as_asked  # noqa: E402
from tasks.publishing import push_data  # noqa: E402
from tasks.sub_runs import hand_over  # noqa: E402


@flow(name="train-model", task_runner=ThreadPoolTaskRunner())  # type: ignore[arg-type]
def train_model(model: str, standing: Standing, root: Path = ROOT) -> None:
    """Run the stages of one model, from the state of another checkout.

    Args:
        model: one of its `matrix.models`.
        standing: commit, params.yaml and dvc.lock of that checkout.
        root: this worker's checkout. Its params.yaml and dvc.lock are overwritten.

    Raises:
        GptPathError: the checkout cannot get there, or a stage failed.
    """
    log_as_asked()
    with whole_checkout(root):
        take_standing(root, standing)
        graph = plan_stages(root)
        stages = graph.of_item(model)
        fetch_inputs(root, stages)
        run_graph(root, graph.only(stages), flow="train-model")
        push_data(root, stages)
        hand_over(lock_entries(root, stages))
