"""A team's backup, taken and brought back by the commands of docs/operations.md, on new servers."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.pipeline.team_machine import Machine
from tests.pipeline.tiny_checkout import ROOT
from tests.team_servers import Team, postgres_client, team_servers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning"),
]

NAME = "gptpath-tiny"
COPY = """
import boto3, pathlib, sys
way, bucket, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
store = boto3.client("s3")
if way == "out":
    for one in store.list_objects_v2(Bucket=bucket)["Contents"]:
        path = folder / one["Key"]
        path.parent.mkdir(parents=True, exist_ok=True)
        store.download_file(bucket, one["Key"], str(path))
else:
    for path in filter(pathlib.Path.is_file, folder.rglob("*")):
        store.upload_file(str(path), bucket, path.relative_to(folder).as_posix())
"""
"""What tar does with the volume of the S3 server; moto has none."""


def command(name: str) -> list[str]:
    """The PostgreSQL command `name` as docs/operations.md gives it, for the database NAME."""
    text = (ROOT / "docs" / "operations.md").read_text()
    found = re.search(rf"exec -T postgres ({name}[^>;<]*?) *(?:[<>][^;]*)?;", text)
    assert found, f"no {name} in docs/operations.md"
    return found[1].split()


def postgres(team: Team, name: str, database: str, *, source: Path, target: Path) -> None:
    words = [database if word == "$name" else word for word in command(name)]
    with source.open("rb") as read, target.open("wb") as write:
        done = subprocess.run(
            words,
            env=postgres_client(team.postgres_port),
            stdin=read,
            stdout=write,
            stderr=subprocess.PIPE,
            text=True,
        )
    assert done.returncode == 0, done.stderr


def use(team: Team, tmp_path: Path) -> None:
    """Leave a run with a file, a model with a champion, and a pool of workers."""
    client = MlflowClient(team.mlflow.address)
    run = client.create_run(client.create_experiment("gptpath/laptop"))
    client.log_metric(run.info.run_id, "train/loss", 3.5, step=7)
    client.log_text(run.info.run_id, "weights", "model/model.safetensors")
    client.set_terminated(run.info.run_id, "FINISHED")
    client.create_registered_model(NAME)
    source = f"{run.info.artifact_uri}/model"
    client.create_model_version(NAME, source, run.info.run_id, tags={"gptpath.kind": "tiny"})
    client.set_registered_model_alias(NAME, "champion", "1")
    Machine(tmp_path, team).prefect("work-pool", "create", "gptpath", "--type", "process")


def copy_bucket(team: Team, way: str, folder: Path) -> None:
    arguments = (sys.executable, "-c", COPY, way, "mlflow", str(folder))
    Machine(folder.parent, team).run(*arguments)


def test_what_a_team_had_is_there_after_a_restore_onto_new_servers(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "new").mkdir()
    nothing = Path("/dev/null")
    with team_servers(tmp_path / "old") as team:
        use(team, tmp_path)
        for name in ("prefect", "mlflow"):
            postgres(team, "pg_dump", name, source=nothing, target=tmp_path / f"{name}.dump")
        copy_bucket(team, "out", tmp_path / "files")
    with team_servers(tmp_path / "new", without=("prefect", "mlflow")) as team:
        for name in ("prefect", "mlflow"):
            postgres(team, "pg_restore", name, source=tmp_path / f"{name}.dump", target=nothing)
        copy_bucket(team, "in", tmp_path / "files")
        try:
            for service in (team.prefect, team.mlflow):
                service.start()
            for service in (team.prefect, team.mlflow):
                service.wait()
            client = MlflowClient(team.mlflow.address)
            champion = client.get_model_version_by_alias(NAME, "champion")
            assert champion.tags["gptpath.kind"] == "tiny"
            assert [
                one.step for one in client.get_metric_history(champion.run_id, "train/loss")
            ] == [7]
            kept = Path(client.download_artifacts(champion.run_id, "model/model.safetensors"))
            assert kept.read_text() == "weights"
            pools = json.loads(Machine(tmp_path, team).prefect("work-pool", "ls", "-o", "json"))
            assert "gptpath" in [one["name"] for one in pools]
        finally:
            team.prefect.stop()
            team.mlflow.stop()
