"""The flow `retrain` as a person runs it: first champion, nothing new, worse, better."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from tests.books import write_books
from tests.pipeline.tiny_checkout import MODEL, make_checkout, run, set_recipe
from tests.pipeline.webhook import Webhook, listening

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning"),
]

NAME = f"gptpath-{MODEL}"


@dataclass(frozen=True)
class History:
    """What the flow said each time, what the webhook got, and the checkout it leaves."""

    root: Path
    first: subprocess.CompletedProcess[str]
    again: subprocess.CompletedProcess[str]
    worse: subprocess.CompletedProcess[str]
    better: subprocess.CompletedProcess[str]
    notices: list[dict[str, Any]]

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.root / 'mlflow.db'}")


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    with listening() as webhook:
        yield webhook


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory, webhook: Webhook) -> History:
    root = make_checkout(tmp_path_factory.mktemp("retrain") / "checkout")
    address, notices = webhook

    def retrain(address: str = address) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "flows/retrain.py")
        return run(root, *command, check=False, GPTPATH_WEBHOOK_URL=address)

    first, again = retrain(), retrain()
    set_recipe(root, learning_rate=0.0001)
    worse = retrain()
    set_recipe(root, learning_rate=0.02, steps=150)
    write_books(root / "data" / "raw", 5, first=30)
    return History(root, first, again, worse, retrain("http://127.0.0.1:9/"), notices)


def test_the_first_model_becomes_champion_after_the_checks(history: History) -> None:
    assert history.first.returncode == 0, history.first.stdout + history.first.stderr
    assert f"models:/{NAME}/1 is the champion now: first champion" in history.first.stdout
    assert history.notices[0]["decisions"][0]["verdict"] == "promote"


def test_without_a_change_it_says_so_and_trains_and_tells_nothing(history: History) -> None:
    assert history.again.returncode == 0, history.again.stderr
    assert "Nothing to retrain: data, code and parameters are as they were" in history.again.stdout
    assert "Running stage" not in history.again.stderr
    assert len(history.notices) == 2, "of the first and the worse one"


def test_a_worse_model_is_refused_without_failing(history: History) -> None:
    assert history.worse.returncode == 0, history.worse.stderr
    assert f"models:/{NAME}/2 is refused: worse" in history.worse.stdout
    assert f"models:/{NAME}/2 is refused: worse" in history.notices[1]["text"]


def test_more_data_and_a_better_recipe_take_the_champions_place(history: History) -> None:
    assert history.better.returncode == 0, history.better.stderr
    assert f"models:/{NAME}/3 is the champion now: better beyond" in history.better.stdout
    aliases = history.client.get_registered_model(NAME).aliases
    assert (str(aliases["champion"]), str(aliases["previous"])) == ("3", "1")


def test_an_address_that_does_not_answer_costs_a_warning(history: History) -> None:
    assert "the notice could not be sent" in history.better.stderr


def test_each_decision_is_a_run_below_its_flows_run(history: History) -> None:
    client = history.client
    experiment = client.get_experiment_by_name("gptpath/laptop").experiment_id
    found = client.search_runs([experiment], "tags.`gptpath.stage` = 'gate'")
    assert sorted(one.data.tags["gptpath.gate.decision"] for one in found) == [
        "promote",
        "promote",
        "refuse",
    ]
    for one in found:
        parent = client.get_run(one.data.tags["mlflow.parentRunId"])
        assert parent.data.tags["gptpath.flow"] == "retrain"
        assert parent.info.status == "FINISHED"
        assert len(one.data.tags["mlflow.source.git.commit"]) == 40
        assert "prefect.flow_run_id" in one.data.tags
