"""A tracking server that dies while a model is trained, a bucket that is away when it is finished.

Real processes: a stage as DVC starts it, MLflow's server on PostgreSQL, an S3 server.
"""

import hashlib
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient
from ruamel.yaml import YAML

from tests.pipeline.tiny_checkout import MODEL, change_params, environment, make_checkout, run
from tests.team_servers import Team, team_servers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning"),
]

STEP_SECONDS = 0.05
STEPS = 600
STAGE = f"pretrain@{MODEL}"
DVC = (sys.executable, "-m", "dvc")

SLOW = f'''
"""`gptpath`, whose training takes as long for a step as a larger model's."""
import sys, time
from gptpath.cli import main
from gptpath.events import StepFinished
from gptpath.stages import runner

told = runner.log_line

def slowly(event):
    if isinstance(event, StepFinished):
        time.sleep({STEP_SECONDS})
    return told(event)

runner.log_line = slowly
sys.exit(main())
'''


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with team_servers(tmp_path_factory.mktemp("servers"), without=("prefect",)) as team:
        yield team


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encoded data, and a model that is still to be trained."""
    root = make_checkout(tmp_path_factory.mktemp("away") / "checkout")
    (root / "slow.py").write_text(SLOW)
    yaml = YAML()
    graph = yaml.load((root / "dvc.yaml").read_text())
    graph["stages"]["pretrain"]["cmd"] = "python slow.py pretrain ${item.model}"
    yaml.dump(graph, root / "dvc.yaml")
    write = "from pathlib import Path; from gptpath.text.interpreter import write_interpreter; "
    run(root, sys.executable, "-c", write + "write_interpreter(Path())")
    run(root, *DVC, "repro", "encode", GPTPATH_TRACKING="off")
    return root


def train(root: Path, team: Team, *, steps: int, seed: int, **extra: str) -> subprocess.Popen[str]:
    """Start a training that logs every step; another seed makes another model."""

    def ask(params: dict) -> None:
        params["seed"] = seed
        params["models"][MODEL]["recipe"].update(steps=steps)
        params["pretrain"].update(log_every_steps=1, validate_every_steps=steps)

    change_params(root, ask)
    return subprocess.Popen(
        [*DVC, "repro", "-s", STAGE],
        cwd=root,
        env=environment(root) | team.environment | {"PYTHONUNBUFFERED": "1"} | extra,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def read_until(process: subprocess.Popen[str], pattern: str) -> str:
    """Read the process's lines up to one that fits, or to its end if none does."""
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if re.search(pattern, line):
            break
    return "".join(lines)


def finish(process: subprocess.Popen[str]) -> str:
    rest, _ = process.communicate(timeout=180)
    assert process.returncode == 0, rest
    return rest


def newest_run(team: Team) -> Run:
    client = MlflowClient(team.mlflow.address)
    named = f"tags.`mlflow.runName` = '{STAGE}'"
    return client.search_runs(["1"], named, max_results=1)[0]


def check_registered(root: Path, team: Team, run_id: str) -> None:
    """The newest version is that of the run, and its file in the bucket has the weights."""
    client = MlflowClient(team.mlflow.address)
    version = client.get_model_version_by_alias(f"gptpath-{MODEL}", "challenger")
    assert version.run_id == run_id
    weights = (root / "models" / "pretrained" / MODEL / "model.safetensors").read_bytes()
    address = f"models:/{version.name}/{version.version}"
    code = (
        "import sys, hashlib, pathlib; from gptpath.tracking.registry import resolve_model; "
        "folder = resolve_model(pathlib.Path(), sys.argv[1]); "
        "print(hashlib.sha256((folder / 'model.safetensors').read_bytes()).hexdigest())"
    )
    fetched = run(root, sys.executable, "-c", code, address, **team.environment).stdout
    assert fetched.split()[-1] == hashlib.sha256(weights).hexdigest()
    assert not [path for path in (root / ".scratch" / "outbox").glob("*") if path.is_dir()]


def test_a_server_that_dies_during_training_costs_neither_numbers_nor_time(
    checkout: Path, team: Team
) -> None:
    process = train(checkout, team, steps=STEPS, seed=1)
    read_until(process, rf"^step +20/{STEPS}")
    begun = time.monotonic()
    read_until(process, rf"^step +100/{STEPS}")
    team.mlflow.stop()
    stopped = time.monotonic()
    said = read_until(process, rf"^step +180/{STEPS}")
    slower = (time.monotonic() - stopped) / (stopped - begun)
    assert slower < 3, "80 steps without the server against 80 with it, on a busy machine"
    said += read_until(process, "MLflow did not take")
    assert "MLflow did not take" in said, "the server came back before anybody missed it"
    team.mlflow.start()
    team.mlflow.wait()
    finish(process)
    found = newest_run(team)
    assert found.info.status == "FINISHED"
    history = MlflowClient(team.mlflow.address).get_metric_history(found.info.run_id, "train/loss")
    assert sorted(one.step for one in history) == list(range(1, STEPS + 1))
    assert "final/loss" in found.data.metrics
    check_registered(checkout, team, found.info.run_id)


def test_a_server_that_stays_away_gets_all_from_the_next_command(
    checkout: Path, team: Team
) -> None:
    process = train(checkout, team, steps=60, seed=2, GPTPATH_TRACKING_PATIENCE="3")
    read_until(process, r"^step +20/60")
    team.mlflow.stop()
    said = finish(process)
    assert "gptpath deliver" in said
    assert run(checkout, *DVC, "status", STAGE).stdout.strip().endswith("up to date.")
    team.mlflow.start()
    team.mlflow.wait()
    found = newest_run(team)
    assert found.info.status == "RUNNING"
    told = run(checkout, sys.executable, "-m", "gptpath.cli", "deliver", **team.environment).stdout
    assert "delivered what 1 runs had left" in told
    found = newest_run(team)
    assert found.info.status == "FINISHED"
    history = MlflowClient(team.mlflow.address).get_metric_history(found.info.run_id, "train/loss")
    assert sorted(one.step for one in history) == list(range(1, 61))
    check_registered(checkout, team, found.info.run_id)


def test_a_bucket_that_comes_back_in_time_has_the_model_at_the_end_of_the_stage(
    checkout: Path, team: Team
) -> None:
    team.s3.stop()
    process = train(checkout, team, steps=5, seed=3)
    assert "model gpt1-laptop is not registered yet" in read_until(process, "not registered yet")
    team.s3.start()
    team.s3.wait()
    team.make_buckets()
    finish(process)
    check_registered(checkout, team, newest_run(team).info.run_id)


def test_a_bucket_that_stays_away_gets_the_model_from_the_next_command(
    checkout: Path, team: Team
) -> None:
    team.s3.stop()
    said = finish(train(checkout, team, steps=5, seed=4, GPTPATH_TRACKING_PATIENCE="1"))
    assert "is finished but not registered; it is kept" in said
    made = newest_run(team)
    assert made.info.status == "FINISHED"
    team.s3.start()
    team.s3.wait()
    team.make_buckets()
    run(checkout, sys.executable, "-m", "gptpath.cli", "deliver", **team.environment)
    check_registered(checkout, team, made.info.run_id)
