"""Retrainings on a team's servers, asked for through Prefect's API, by a schedule and by a merge.

Everything is a real process: PostgreSQL, Prefect, MLflow with an S3 store, a worker, `prefect
deploy --all`. The first retraining is promoted, the second one, on damaged data, refused; the
third, on sound data with a better recipe, is started by a schedule and promoted.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities.model_registry import ModelVersion
from mlflow.tracking import MlflowClient
from ruamel.yaml import YAML

from tests.books import write_damaged_book
from tests.pipeline.prefect_server import wait_until
from tests.pipeline.team_machine import Machine
from tests.pipeline.tiny_checkout import MODEL, ROOT, make_checkout, set_recipe
from tests.team_servers import team_servers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning"),
]

NAME = f"gptpath-{MODEL}"
RETRAIN = "retrain/nightly"
IN_SECONDS = 60
"""From the deployment of a schedule to its time; the server looks for new ones every five."""


@dataclass(frozen=True)
class History:
    """What happened, in order, and where to read of it."""

    machine: Machine
    first: str
    """State that the flow run of a retraining ended in."""
    refused: str
    champion_after_refusal: str
    due: datetime
    """When the schedule was to fire."""
    scheduled: list[dict[str, Any]]
    """Flow runs that it made."""
    merged: str
    """What ci/promote said afterwards, with nothing new to train."""

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.machine.team.mlflow.address)

    def version(self, number: int) -> ModelVersion:
        return self.client.get_model_version(NAME, str(number))

    def evidence(self, number: int) -> dict[str, Any]:
        """The decision on a version, as the MLflow server hands it out."""
        run = self.version(number).tags["gptpath.gate.run_id"]
        return json.loads(
            Path(self.client.download_artifacts(run, "gate/decision.json")).read_text()
        )


def set_schedules(root: Path, schedules: list[dict[str, str]]) -> None:
    """Give the deployment of retrainings these schedules in the checkout's prefect.yaml."""
    yaml = YAML()
    content = yaml.load((ROOT / "prefect.yaml").read_text())
    [nightly] = [one for one in content["deployments"] if one["name"] == "nightly"]
    nightly["schedules"] = schedules
    yaml.dump(content, root / "prefect.yaml")


def once(due: datetime) -> dict[str, str]:
    """A schedule that fires once."""
    return {"rrule": f"DTSTART:{due:%Y%m%dT%H%M%S}\nRRULE:FREQ=MINUTELY;COUNT=1", "timezone": "UTC"}


def fired(machine: Machine) -> list[dict[str, Any]]:
    """Flow runs that a schedule made."""
    return [run for run in machine.runs(RETRAIN) if run["auto_scheduled"]]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    with team_servers(tmp_path_factory.mktemp("servers")) as team:
        machine = Machine(make_checkout(tmp_path_factory.mktemp("team") / "checkout"), team)
        root, client = machine.root, MlflowClient(team.mlflow.address)
        set_schedules(root, [])  # at three in the morning it would be in the way
        machine.deploy_all()
        with machine.working("gptpath"):
            first = machine.end_of(machine.trigger(RETRAIN))
            damaged = write_damaged_book(root / "data" / "raw")
            refused = machine.end_of(machine.trigger(RETRAIN))
            champion = client.get_model_version_by_alias(NAME, "champion").version
            damaged.unlink()
            set_recipe(root, learning_rate=0.02, steps=150)
            due = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=IN_SECONDS)
            set_schedules(root, [once(due)])
            machine.prefect("deploy", "--name", "nightly")
            wait_until(lambda: fired(machine), IN_SECONDS)
            machine.end_of(fired(machine)[0]["id"])
            scheduled = fired(machine)
            said = machine.run("ci/promote", GPTPATH_DEPLOYMENT=RETRAIN).stdout
        yield History(
            machine=machine,
            first=first,
            refused=refused,
            champion_after_refusal=str(champion),
            due=due,
            scheduled=scheduled,
            merged=said,
        )


def test_a_retraining_asked_for_through_the_api_trains_gates_and_promotes(
    history: History,
) -> None:
    assert history.first == "COMPLETED", history.machine.worker_log
    evidence = history.evidence(1)
    assert evidence["verdict"] == "promote"
    assert evidence["champion"] is None
    assert all(check["passed"] for check in evidence["checks"])


def test_one_on_damaged_data_is_refused_and_the_champion_stays(history: History) -> None:
    assert history.refused == "COMPLETED", history.machine.worker_log
    assert history.champion_after_refusal == "1"
    evidence = history.evidence(2)
    assert evidence["verdict"] == "refuse"
    assert evidence["reasons"][0].startswith("worse: ")
    assert evidence["difference"]["low"] > 0
    assert evidence["champion"]["version"] == "1"
    corpora = {history.version(n).tags["gptpath.data.data/tokens"] for n in (1, 2)}
    assert len(corpora) == 2, "the same data"


def test_the_decision_is_on_the_versions_page_and_in_prefect(history: History) -> None:
    version = history.version(2)
    assert version.tags["gptpath.gate.decision"] == "refuse"
    assert "## Gate\n\n**refuse**: worse: " in version.description
    query = {"artifacts": {"key": {"any_": [f"gate-{NAME}"]}}, "sort": "CREATED_DESC"}
    pages = [one["data"] for one in history.machine.prefect_api("artifacts/filter", query)]
    assert [page.split(":")[0] for page in pages] == ["**promote**", "**refuse**", "**promote**"]


def test_a_schedule_fires_when_it_is_due_and_its_retraining_is_promoted(history: History) -> None:
    [run] = history.scheduled
    assert run["state_type"] == "COMPLETED", history.machine.worker_log
    assert datetime.fromisoformat(run["expected_start_time"]) == history.due
    # Prefect rounds the time to wait to whole seconds.
    assert datetime.fromisoformat(run["start_time"]) > history.due - timedelta(seconds=1)
    evidence = history.evidence(3)
    assert evidence["verdict"] == "promote"
    assert evidence["champion"]["version"] == "1", "not the refused one"
    aliases = history.client.get_registered_model(NAME).aliases
    assert (str(aliases["champion"]), str(aliases["previous"])) == ("3", "1")


def test_a_merge_asks_for_a_retraining_which_finds_nothing_to_do(history: History) -> None:
    assert "Completed" in history.merged
    last = history.machine.runs(RETRAIN)[-1]
    query = {"logs": {"flow_run_id": {"any_": [last["id"]]}}}
    lines = [one["message"] for one in history.machine.prefect_api("logs/filter", query)]
    assert any(line.startswith("Nothing to retrain") for line in lines), lines
