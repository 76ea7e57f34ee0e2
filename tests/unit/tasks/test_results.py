import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from gptpath.finetune.data_sets import Absent
from gptpath.finetune.summary import absent_metrics
from tasks.outcome import FlowOutcome
from tasks.records import StageVersion
from tasks.results import results_table, where_to_look

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One of the laptop profile, before its first run."""
    shutil.copy(ROOT / "profiles" / "laptop.yaml", tmp_path / "params.yaml")
    return tmp_path


def write(path: Path, values: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values))


def version(*, skipped: bool) -> StageVersion:
    return StageVersion(
        name="ingest", version="v", params={}, inputs={}, outputs={}, run_id=None, skipped=skipped
    )


def test_models_are_shown_best_first_and_tasks_against_no_pretraining(checkout: Path) -> None:
    for name, loss in (("gpt2-laptop-s", 4.0), ("gpt2-laptop-l", 3.5), ("of-another-profile", 1.0)):
        final = {"loss": loss, "bpb": loss / 2}
        write(
            checkout / f"metrics/pretrain/{name}.json",
            {"model": name, "parameters": 1234567, "final": final},
        )
    write(
        checkout / "metrics/finetune/package.json",
        {
            "task": "package",
            "metric": "accuracy",
            "chance": 0.1,
            "summary": {"full": {"median": 0.9}, "no-pretraining": {"median": 0.7}},
        },
    )
    other = absent_metrics(Absent(name="wording", kind="k", metric="accuracy", reason="no text"))
    write(checkout / "metrics/finetune/wording.json", other)
    lines = [line.split() for line in results_table(checkout).splitlines()]
    assert lines[1] == ["gpt2-laptop-l", "1,234,567", "3.500", "1.750"]
    assert lines[2] == ["gpt2-laptop-s", "1,234,567", "4.000", "2.000"]
    assert lines[-2] == ["package", "accuracy", "0.900", "0.700", "0.100"]
    assert lines[-1] == ["wording", "absent", "-", "-", "-"]


def test_without_metrics_there_is_no_table(checkout: Path) -> None:
    assert results_table(checkout) == ""
    assert "reports" not in where_to_look(checkout)


def test_the_summary_says_when_there_was_nothing_to_do() -> None:
    idle = FlowOutcome(versions=(version(skipped=True),) * 2, failures={}, not_run=())
    assert idle.summary() == "Nothing had to be done: all 2 stages are up to date."
    busy = FlowOutcome(
        versions=(version(skipped=True), version(skipped=False)), failures={}, not_run=()
    )
    assert busy.summary() == "1 stages run, 1 were up to date."


def test_the_summary_tells_work_from_overhead() -> None:
    worked = replace(version(skipped=False), seconds=30.0, work_seconds=24.0)
    slow = replace(worked, name="report", seconds=20.0, work_seconds=6.0)
    unknown = replace(worked, name="scaling", work_seconds=None)
    outcome = FlowOutcome(versions=(worked, slow, unknown), failures={}, not_run=())
    assert outcome.summary().endswith(
        "Seconds of work: 30; of starting and recording: 20 (40%), at most 14.0 (report)."
    )
