"""The real flow on a small project, as a person runs it: first, again, and with a broken stage."""

import json
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from gptpath.config.loading import load_params
from gptpath.tracking.lineage import read_lock
from tests.pipeline.small_project import environment, make_project, run_flow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning"),
]

STAGES = ["ingest", "pretrain@gpt2-laptop-m", "pretrain@gpt2-laptop-s", "report"]


@dataclass(frozen=True)
class History:
    """What the flow said each time, and the project it leaves."""

    project: Path
    first: subprocess.CompletedProcess[str]
    again: subprocess.CompletedProcess[str]
    status: str
    broken: subprocess.CompletedProcess[str]

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.project / 'mlflow.db'}")

    def runs(self, stage: str) -> list:
        """MLflow runs of a stage or, by the flow's name, of flow runs; oldest first."""
        experiment = self.client.get_experiment_by_name("gptpath/laptop")
        found = self.client.search_runs(
            [experiment.experiment_id],
            f"attributes.run_name LIKE '{stage}%'",
            order_by=["attributes.start_time"],
        )
        return list(found)


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    project = make_project(tmp_path_factory.mktemp("flow"))
    first, again = run_flow(project), run_flow(project)
    status = subprocess.run(
        [sys.executable, "-m", "dvc", "status"],
        cwd=project,
        env=environment(),
        capture_output=True,
        text=True,
    ).stdout
    (project / "raw.txt").write_text("a broken text\n")
    return History(project, first, again, status, run_flow(project))


def test_the_first_run_makes_everything_and_says_where_to_look(history: History) -> None:
    assert history.first.returncode == 0, history.first.stderr
    assert "4 stages run, 0 were up to date." in history.first.stdout
    assert "reports/index.html" in history.first.stdout
    assert "make ui" in history.first.stdout


def test_the_lines_of_a_stage_are_shown_while_it_runs(history: History) -> None:
    for line in ("progress 1/3 files", "step 1/3 | tokens     10 | loss  4.0000"):
        assert f"Task run 'pretrain@gpt2-laptop-m' - {line}" in history.first.stderr
    assert "git add" not in history.first.stderr


def test_run_again_it_does_nothing_and_says_so(history: History) -> None:
    assert history.again.returncode == 0, history.again.stderr
    assert "Nothing had to be done: all 4 stages are up to date." in history.again.stdout
    assert "Running stage" not in history.again.stderr
    assert "up to date" in history.status


def test_a_broken_stage_is_told_in_a_sentence_and_stops_only_what_needs_it(
    history: History,
) -> None:
    assert history.broken.returncode == 1
    [said] = [
        line for line in history.broken.stderr.splitlines() if line.startswith("The path stopped.")
    ]
    assert said == (
        "The path stopped. Stage pretrain@gpt2-laptop-s failed: "
        "the text is broken; expected whole words; mend raw.txt"
    )
    assert "\nNot run because of it: report." in history.broken.stderr
    assert "Traceback" not in history.broken.stderr
    assert "pretrain@gpt2-laptop-m" in read_lock(history.project)
    assert (history.project / "models/gpt2-laptop-m.txt").read_text().startswith("a broken text")


def test_every_stage_has_a_run_below_the_flows_run(history: History) -> None:
    first, again, broken = history.runs("research-path")
    assert [run.info.status for run in (first, again, broken)] == ["FINISHED", "FINISHED", "FAILED"]
    for stage in STAGES:
        run = history.runs(stage)[0]
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == first.info.run_id
        assert run.data.tags["prefect.flow_run_id"] == first.data.tags["prefect.flow_run_id"]
        assert len(run.data.tags["mlflow.source.git.commit"]) == 40
        assert run.data.metrics["final/loss"] == 1.5
        assert again.data.tags[f"gptpath.linked.{stage.replace('@', '/')}"] == run.info.run_id
    assert history.runs("pretrain@gpt2-laptop-s")[1].info.status == "FAILED"


def test_inputs_and_outputs_carry_the_md5s_of_dvc(history: History) -> None:
    made, remade = history.runs("pretrain@gpt2-laptop-m")
    now = read_lock(history.project)
    md5 = now["ingest"].outs["data/corpus.txt"]
    [given] = remade.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("data/corpus.txt", md5)
    assert made.inputs.dataset_inputs[0].dataset.digest != md5
    entry = now["pretrain@gpt2-laptop-m"]
    assert remade.data.tags["gptpath.version"] == entry.digest()
    path = "models/gpt2-laptop-m.txt"
    assert remade.data.tags[f"gptpath.out.{path}"] == entry.outs[path]
    steps = load_params(history.project / "params.yaml").pretrain.steps
    assert remade.data.params["pretrain.steps"] == str(steps)
    assert "seed" not in remade.data.params


def test_the_ledger_names_the_run_and_the_commit(history: History) -> None:
    ledger = json.loads((history.project / "ledger/pretrain/gpt2-laptop-m.json").read_text())
    assert ledger["mlflow_run_id"] == history.runs("pretrain@gpt2-laptop-m")[-1].info.run_id
    assert ledger["git_commit"] == history.runs("ingest")[0].data.tags["mlflow.source.git.commit"]


def test_prefect_keeps_each_version_as_an_artifact(history: History) -> None:
    with sqlite3.connect(history.project / ".prefect" / "prefect.db") as database:
        rows = database.execute("SELECT key, data FROM artifact ORDER BY created").fetchall()
    database.close()
    keys = [key for key, _ in rows]
    version = history.runs("ingest")[0].data.tags["gptpath.version"]
    pages = [data for key, data in rows if key == "stage-ingest"]
    assert version in pages[0]
    assert history.runs("ingest")[0].info.run_id in pages[0]
    assert "up to date, not run" in pages[1]
    assert keys.count("stages") == 3, "one table for each flow run"
    assert "progress-pretrain-gpt2-laptop-m" in keys
