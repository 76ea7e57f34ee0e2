"""What tracking costs a training: the same short training with MLflow and without, in turn.

    python -m benchmarks.tracking_cost CHECKOUT [--model gpt2-laptop-s] [--steps 700] [--rounds 5]

CHECKOUT has tokens. The training runs in a copy, by the code of this folder, each time as a process
of its own; tracking is as a person gets it: a local database, system metrics, a registered model.
Told are medians of the training itself (the ledger's seconds, recording while it trains included)
and of the rest of its process (imports, opening and closing the run, the registry). As the first
difference is smaller than what two equal runs differ by, the CPU time of all that records during
the training is also taken directly.
"""

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
STAGE = """
import json, os, sys, time
from gptpath.cli import main

spent = {}
def measure(owner, name):
    plain = getattr(owner, name)
    def measured(*arguments):
        begun = time.thread_time()
        try:
            return plain(*arguments)
        finally:
            spent[name] = spent.get(name, 0.0) + time.thread_time() - begun
    setattr(owner, name, measured)

if os.environ["GPTPATH_TRACKING"] == "on":
    from gptpath.tracking.delivery import NumberSender
    from gptpath.tracking.mlflow_run import MlflowRun
    from gptpath.tracking.system_metrics import SystemMetrics
    measure(MlflowRun, "record")      # in the training's own thread
    measure(NumberSender, "_work")    # threads beside it
    measure(SystemMetrics, "_run")
code = main(["pretrain", sys.argv[1]])
print(json.dumps(spent), file=sys.stderr)
sys.exit(code)
"""
NEEDED = ("params.yaml", "dvc.yaml", "dvc.lock", "data/tokens", "data/tokenizer")


@dataclass(frozen=True, kw_only=True, slots=True)
class Seconds:
    """One process: its training, and all else."""

    training_wall: float
    training_cpu: float
    rest_wall: float
    rest_cpu: float
    recording_cpu: float
    """Within the training's: what records, in all threads."""


def main() -> None:
    options = _options()
    found: dict[str, list[Seconds]] = {"on": [], "off": []}
    with tempfile.TemporaryDirectory() as folder:
        root = _copy(options.checkout, Path(folder), options.model, options.steps)
        _train(root, options.model, "on")  # makes the database, reads the files once
        for number in range(options.rounds):
            for tracking in ("on", "off") if number % 2 else ("off", "on"):
                found[tracking].append(_train(root, options.model, tracking))
                print(number, tracking, found[tracking][-1], flush=True)
    for name in Seconds.__dataclass_fields__:
        on, off = ([getattr(one, name) for one in found[key]] for key in ("on", "off"))
        more = statistics.median(on) - statistics.median(off)
        print(f"{name:14} on {_spread(on)}  off {_spread(off)}  {more:+.3f} s")
    shares = [one.recording_cpu / one.training_cpu for one in found["on"]]
    print(f"recording is {statistics.median(shares):.2%} of the training's CPU time")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--model", default="gpt2-laptop-s")
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def _copy(checkout: Path, folder: Path, model: str, steps: int) -> Path:
    """What a pretraining needs, with as many steps as asked for."""
    for name in NEEDED:
        source, target = checkout / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target)
        else:
            shutil.copy(source, target)
    yaml = YAML()
    params = yaml.load((folder / "params.yaml").read_text())
    params["models"][model].setdefault("recipe", {})["steps"] = steps
    yaml.dump(params, folder / "params.yaml")
    return folder


def _train(root: Path, model: str, tracking: str) -> Seconds:
    shutil.rmtree(root / "models", ignore_errors=True)
    shutil.rmtree(root / ".scratch" / "pretrain", ignore_errors=True)
    kept = {name: text for name, text in os.environ.items() if not name.startswith("MLFLOW_")}
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", STAGE, model],
        cwd=root,
        env=kept | {"PYTHONPATH": str(ROOT / "src"), "GPTPATH_TRACKING": tracking},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    wall, after = time.monotonic() - begun, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    ledger = json.loads((root / "ledger" / "pretrain" / f"{model}.json").read_text())
    training_wall, training_cpu = ledger["wall_seconds"], ledger["cpu_seconds"]
    return Seconds(
        training_wall=training_wall,
        training_cpu=training_cpu,
        rest_wall=wall - training_wall,
        rest_cpu=cpu - training_cpu,
        recording_cpu=sum(json.loads(done.stderr.splitlines()[-1]).values()),
    )


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):6.2f} ({min(values):.2f} to {max(values):.2f})"


if __name__ == "__main__":
    main()
