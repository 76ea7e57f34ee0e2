"""The path on a team's servers: PostgreSQL, S3, Prefect and MLflow as deploy/compose.yaml has them.

A checkout runs the path there, pushes to the DVC remote, and a clone elsewhere goes on from it.
"""

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline.team_machine import Machine, status_of
from tests.pipeline.tiny_checkout import IDENTITY, MODEL, ROOT, commit, make_checkout, run
from tests.team_servers import Team, team_servers
from tests.unit.tracking.test_registry_lock import PROCESSES, TURNS, count_together

pytestmark = pytest.mark.slow

DVC = (sys.executable, "-m", "dvc")


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with team_servers(tmp_path_factory.mktemp("servers")) as team:
        yield team


@pytest.fixture(scope="module")
def first(team: Team, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A checkout whose results are on the team's servers."""
    machine = Machine(make_checkout(tmp_path_factory.mktemp("team") / "checkout"), team)
    shutil.copy(ROOT / "prefect.yaml", machine.root)
    machine.run(*DVC, "remote", "add", "--default", "team", "s3://dvc/gptpath")
    machine.run(sys.executable, "flows/research_path.py")
    commit(machine.root, "Run on the team's servers")
    machine.run(*DVC, "push")
    return machine


@pytest.fixture(scope="module")
def second(first: Machine) -> Machine:
    """A fresh clone elsewhere, without the first one's cache."""
    root = first.root.with_name("clone")
    run(first.root.parent, "git", *IDENTITY, "clone", "-q", str(first.root), str(root))
    return Machine(root, first.team)


def stored(machine: Machine, bucket: str) -> list[str]:
    code = (
        "import boto3, sys\n"
        "pages = boto3.client('s3').get_paginator('list_objects_v2').paginate(Bucket=sys.argv[1])\n"
        "print(*(one['Key'] for page in pages for one in page.get('Contents', ())), sep='\\n')\n"
    )
    return machine.run(sys.executable, "-c", code, bucket).stdout.split()


def test_runs_and_models_are_on_the_server_and_their_files_in_the_bucket(first: Machine) -> None:
    found = first.mlflow("runs/search", experiment_ids=["1"], max_results=50)["runs"]
    names = {one["info"]["run_name"].split()[0] for one in found}
    stages = {"ingest", "tokenizer", "encode", f"pretrain@{MODEL}", "pretrain@lstm-laptop"}
    assert names == stages | {"research-path"}
    assert {one["info"]["status"] for one in found} == {"FINISHED"}
    files = stored(first, "mlflow")
    assert sum(name.endswith("artifacts/artifacts/model.safetensors") for name in files) == 2
    assert not (first.root / "mlflow.db").exists()
    assert not (first.root / "mlartifacts").exists()


def test_flow_runs_are_on_the_server_which_lets_nobody_in_without_the_password(
    first: Machine,
) -> None:
    flows = json.loads(first.prefect("flow", "ls", "--output", "json"))
    assert [one["name"] for one in flows] == ["research-path"]
    assert not (first.root / ".prefect" / "prefect.db").exists()
    address = first.team.prefect.address
    assert status_of(f"{address}/api/admin/version") == 401
    assert status_of(f"{address}/api/health") == 200


def test_workers_reach_mlflow_by_its_name_in_the_network_and_no_strange_name_does(
    team: Team,
) -> None:
    page = f"{team.mlflow.address}/api/2.0/mlflow/experiments/get?experiment_id=0"
    assert status_of(page, Host="mlflow:5000") == 200
    assert status_of(page, Host=f"localhost:{team.mlflow.port}") == 200
    assert status_of(page, Host="elsewhere.example") == 403


def test_no_two_of_many_processes_hold_the_lock_of_the_servers_registry(
    team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", team.mlflow.address)
    assert count_together(tmp_path, tmp_path) == PROCESSES * TURNS


def test_a_fresh_clone_pulls_everything_and_rebuilds_nothing(second: Machine) -> None:
    pulled = second.run("bash", "ci/pull-data").stdout
    assert "made again" not in pulled
    assert (second.root / "models" / "pretrained" / MODEL / "model.safetensors").is_file()
    write = "from pathlib import Path; from gptpath.text.interpreter import write_interpreter; "
    second.run(sys.executable, "-c", write + "write_interpreter(Path())")
    done = second.run(*DVC, "repro").stdout
    assert "Running stage" not in done
    assert "up to date" in done
    assert second.run("git", "status", "--porcelain").stdout == ""


def test_a_model_is_fetched_from_the_registry_anywhere(second: Machine) -> None:
    command = ("generate", "The captain", "--model", f"models:/gptpath-{MODEL}@challenger")
    said = second.run(sys.executable, "-m", "gptpath.cli", *command, "--tokens", "3")
    assert said.stdout.startswith("The captain")


def test_a_deployment_is_triggered_through_the_server_and_a_worker_takes_it(
    first: Machine,
) -> None:
    first.deploy_all()
    flow_run = first.trigger("research-path/laptop")
    with first.working("gptpath"):
        assert first.end_of(flow_run) == "COMPLETED", first.worker_log
