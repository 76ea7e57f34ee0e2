import os
import subprocess
import sys
from pathlib import Path

import pytest

from gptpath.errors import PipelineError
from gptpath.tracking.store import experiment_id, open_client, tracking_uri

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning")

WRITER = """
import sys
from pathlib import Path
from mlflow.entities import Metric
from gptpath.tracking.store import experiment_id, open_client

root = Path(sys.argv[1])
client = open_client(root)
run = client.create_run(experiment_id(client, root, "laptop"))
for step in range(40):
    client.log_batch(run.info.run_id, [Metric(f"m{n}", 1.0, 0, step) for n in range(50)])
client.set_terminated(run.info.run_id)
"""


def test_the_store_is_named_absolutely_unless_the_environment_says_otherwise(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root.parent)
    assert tracking_uri(Path(root.name)) == f"sqlite:///{root / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    assert tracking_uri(root) == "http://server:5000"


def test_an_experiment_is_made_once_and_keeps_its_artifacts_in_the_checkout(root: Path) -> None:
    client = open_client(root)
    first = experiment_id(client, root, "laptop")
    assert experiment_id(client, root, "laptop") == first
    found = client.get_experiment(first)
    assert found.name == "gptpath/laptop"
    assert found.artifact_location == (root / "mlartifacts").as_uri()


def test_a_store_that_does_not_answer_is_named_with_a_way_out(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root}/params.yaml/mlflow.db")
    (root / "params.yaml").write_text("")
    with pytest.raises(PipelineError, match="GPTPATH_TRACKING=off"):
        open_client(root)


@pytest.mark.slow
def test_three_processes_can_create_and_fill_one_store_at_once(tmp_path: Path) -> None:
    environment = {name: v for name, v in os.environ.items() if not name.startswith("MLFLOW_")}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    ends = [(writer.communicate()[1], writer.returncode) for writer in writers]
    assert [code for _, code in ends] == [0, 0, 0], ends
    client = open_client(tmp_path)
    runs = client.search_runs([experiment_id(client, tmp_path, "laptop")])
    assert [run.info.status for run in runs] == ["FINISHED"] * 3
    for run in runs:
        assert len(client.get_metric_history(run.info.run_id, "m49")) == 40
