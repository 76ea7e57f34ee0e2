"""What a flow run costs beside its work, on a team's servers run as plain processes.

    python -m benchmarks.flow_overheads [--rounds 3]

Needs PostgreSQL and the packages of the extra `server`, as tests/team_servers.py has them. A tiny
checkout (five stages), its server, MLflow, S3 server and worker on this one machine. Told are
medians of: a retraining that finds nothing to do, started by hand and through the API; and of a
retraining that trains, the time from its trigger to its start and to the first training step.
"""

import argparse
import statistics
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

from mlflow.tracking import MlflowClient

from tests.pipeline.team_machine import Machine
from tests.pipeline.tiny_checkout import MODEL, ROOT, change_params, make_checkout, set_recipe
from tests.team_servers import team_servers

RETRAIN = "retrain/nightly"
BY_HAND = "nothing to do, by hand"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "servers").mkdir()
        with team_servers(folder / "servers") as team:
            machine = Machine(make_checkout(folder / "checkout"), team)
            (machine.root / "prefect.yaml").write_text((ROOT / "prefect.yaml").read_text())
            change_params(machine.root, lambda params: params["pretrain"].update(log_every_steps=1))
            machine.deploy_all()
            with machine.working("gptpath"):
                machine.end_of(
                    machine.trigger(RETRAIN)
                )  # makes all that is stale in a new checkout
                found = [_round(machine, number) for number in range(rounds)]
    for name in found[0]:
        values = [one[name] for one in found]
        spread = f"{min(values):.1f} to {max(values):.1f}"
        print(f"{name:42}{statistics.median(values):6.1f} s ({spread})")


def _round(machine: Machine, number: int) -> dict[str, float]:
    begun = time.monotonic()
    machine.run(sys.executable, "flows/retrain.py")
    by_hand = time.monotonic() - begun
    _, start, end = _triggered(machine)
    set_recipe(machine.root, steps=41 + number)
    trigger, trains, all_done = _triggered(machine)
    first_step = _first_step(machine)
    return {
        BY_HAND: by_hand,
        "nothing to do, from start to end": end - start,
        "from trigger to start": trains - trigger,
        "from trigger to first training step": first_step - trigger,
        "from start to first training step": first_step - trains,
        "from trigger to end, with gate": all_done - trigger,
    }


def _triggered(machine: Machine) -> tuple[float, float, float]:
    """Run a retraining through the API: times of trigger, start and end, seconds since 1970."""
    trigger = time.time()
    run = machine.trigger(RETRAIN)
    if machine.end_of(run) != "COMPLETED":
        raise SystemExit(machine.worker_log)
    said = machine.prefect_api(f"flow_runs/{run}")
    start, end = (
        datetime.fromisoformat(said[name]).timestamp() for name in ("start_time", "end_time")
    )
    return trigger, start, end


def _first_step(machine: Machine) -> float:
    """When the newest pretraining logged its first step, seconds since 1970."""
    client = MlflowClient(machine.team.mlflow.address)
    [experiment] = client.search_experiments(filter_string="name = 'gptpath/laptop'")
    [run] = client.search_runs(
        [experiment.experiment_id],
        f"tags.`gptpath.stage` = 'pretrain' and tags.`gptpath.item` = '{MODEL}'",
        max_results=1,
    )
    return (
        min(one.timestamp for one in client.get_metric_history(run.info.run_id, "train/loss")) / 1e3
    )


if __name__ == "__main__":
    main()
