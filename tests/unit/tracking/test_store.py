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


FETCHER = """
import sys
from pathlib import Path
from mlflow.store.artifact import mlflow_artifacts_repo
from gptpath.tracking.store import open_client

open_client(Path(sys.argv[1]))
Repository = mlflow_artifacts_repo.MlflowArtifactsRepository
# What a server says that keeps its files at an S3 server.
Repository._fetch_server_capabilities = lambda _: {
    "multipart_downloads_enabled": True, "multipart_uploads_enabled": True
}
repository = Repository("mlflow-artifacts://server:5000/1", "http://server:5000")
print(repository._is_multipart_download_enabled(), repository._is_multipart_upload_enabled())
"""


@pytest.mark.parametrize(
    ("given", "said"), [({}, "False False"), ({"DOWNLOAD": "true"}, "True False")]
)
def test_files_pass_through_the_server_whose_s3_server_may_be_out_of_reach(
    root: Path, given: dict[str, str], said: str
) -> None:
    names = {f"MLFLOW_ENABLE_PROXY_MULTIPART_{key}": value for key, value in given.items()}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FETCHER, str(root)],
        env=os.environ | names,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == said.split(), done.stderr


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
