"""GPTPATH_LOG=json: every line of a flow's log is an object that names its runs."""

import json
import subprocess
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.pipeline.small_project import environment, flow_command, make_project

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning"),
]


def test_a_flows_log_is_json_with_the_ids_of_its_runs(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    done = subprocess.run(
        flow_command(),
        cwd=project,
        env=environment() | {"GPTPATH_LOG": "json"},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    steps = [line for line in lines if line.get("event") == "StepFinished"]
    assert {line["stage"] for line in steps} == {"ingest", "pretrain", "report"}
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    for line in steps:
        name = f"{line['stage']}@{line['item']}" if "item" in line else line["stage"]
        assert line["task_run"] == name
        assert line["values"]["loss"] == 4.0 / line["values"]["step"]
        run = client.get_run(line["mlflow_run_id"])
        assert run.data.tags["mlflow.runName"] == name
        assert run.data.tags["prefect.flow_run_id"] == line["flow_run_id"]
    assert all({"time", "level", "logger", "message"} <= line.keys() for line in lines)
