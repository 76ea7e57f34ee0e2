"""The scripts of continuous integration in a temporary clone, as the workflows call them."""

import subprocess
import sys
from dataclasses import dataclass

import pytest
from mlflow.tracking import MlflowClient

from tests.books import write_damaged_book
from tests.pipeline.tiny_checkout import MODEL, commit, make_checkout, run, set_recipe

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning"),
]

NAME = f"gptpath-{MODEL}"


@dataclass(frozen=True)
class History:
    """A main branch that was promoted from, a clone that tried a change, another that merged it.

    In that other one damaged data were merged, too.
    """

    promoted: subprocess.CompletedProcess[str]
    tried: subprocess.CompletedProcess[str]
    comparison: str
    summary: str
    merged: subprocess.CompletedProcess[str]
    champion: str
    """Version that was champion before the damaged data."""
    damaged: subprocess.CompletedProcess[str]
    client: MlflowClient


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    folder = tmp_path_factory.mktemp("ci")
    root = make_checkout(folder / "main")
    registry = f"sqlite:///{root / 'mlflow.db'}"
    run(root, sys.executable, "-m", "dvc", "remote", "add", "-d", "store", str(folder / "remote"))
    promoted = run(root, "ci/promote", check=False)
    commit(root, "Record the first run")

    clone = folder / "clone"
    run(folder, "git", "clone", "-q", str(root), str(clone))
    run(clone, "git", "switch", "-q", "-c", "change")
    set_recipe(clone, steps=60)
    commit(clone, "Train longer")
    summary = folder / "summary.md"
    tried = run(
        clone,
        "ci/pull-request",
        "origin/main",
        "comparison.md",
        check=False,
        GITHUB_STEP_SUMMARY=str(summary),
        GPTPATH_TRACKING="off",
    )
    comparison = clone / "comparison.md"
    run(clone, "git", "push", "-q", "origin", "change")
    runner = folder / "runner"
    run(folder, "git", "clone", "-q", "--branch", "change", str(root), str(runner))
    settings = {"MLFLOW_TRACKING_URI": registry, "PREFECT_API_URL": ""}
    merged = run(runner, "ci/promote", check=False, **settings)
    client = MlflowClient(registry)
    champion = client.get_model_version_by_alias(NAME, "champion").version
    write_damaged_book(runner / "data" / "raw")
    commit(runner, "More data, which is damaged")
    damaged = run(runner, "ci/promote", check=False, **settings)
    return History(
        promoted=promoted,
        tried=tried,
        comparison=comparison.read_text() if comparison.is_file() else "",
        summary=summary.read_text() if summary.is_file() else "",
        merged=merged,
        champion=str(champion),
        damaged=damaged,
        client=client,
    )


def test_the_first_promotion_pushes_what_it_made(history: History) -> None:
    assert history.promoted.returncode == 0, history.promoted.stdout + history.promoted.stderr
    assert "files pushed" in history.promoted.stdout
    assert f"models:/{NAME}/1 is the champion now" in history.promoted.stdout


def test_only_what_the_change_makes_stale_runs_in_a_fresh_clone(history: History) -> None:
    assert history.tried.returncode == 0, history.tried.stdout + history.tried.stderr
    ran = [line for line in history.tried.stderr.splitlines() if "Running stage" in line]
    assert len(ran) == 1, ran
    assert f"pretrain@{MODEL}" in ran[0]


def test_the_comparison_shows_parameters_numbers_and_curves(history: History) -> None:
    assert f"| `models.{MODEL}.recipe.steps` | 40 | 60 |" in history.comparison
    assert f"| pretrain@{MODEL} | changed |" in history.comparison
    assert f"| {MODEL}: held-out bpb | " in history.comparison
    assert "| (none) |" not in history.comparison, "the base's numbers came through the remote"
    assert history.comparison.count("    line [") == 2, "base and here"
    assert "more numbers are as they were" in history.comparison
    assert history.summary == history.comparison


def test_the_merge_goes_through_the_gate_of_the_shared_registry(history: History) -> None:
    assert history.merged.returncode == 0, history.merged.stdout + history.merged.stderr
    assert f"models:/{NAME}/2 is " in history.merged.stdout
    version = history.client.get_model_version(NAME, "2")
    assert version.tags["gptpath.gate.decision"] in ("promote", "refuse")
    assert version.tags["gptpath.gate.champion"] == "1"


def test_a_merge_of_damaged_data_is_refused_without_failing(history: History) -> None:
    assert history.damaged.returncode == 0, history.damaged.stdout + history.damaged.stderr
    assert f"models:/{NAME}/3 is refused: worse" in history.damaged.stdout
    version = history.client.get_model_version(NAME, "3")
    assert version.tags["gptpath.gate.decision"] == "refuse"
    assert version.tags["gptpath.gate.champion"] == history.champion
    now = history.client.get_model_version_by_alias(NAME, "champion")
    assert str(now.version) == history.champion
