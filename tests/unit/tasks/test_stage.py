import logging
from types import SimpleNamespace
from typing import Any

import pytest
from ruamel.yaml import YAML

from gptpath.errors import PipelineError
from tasks import stage as stage_module
from tasks.policies import POLICIES, policy_of
from tasks.stage import PROGRESS, StageKilledError, _StageOutput, explain, stage_task, was_killed
from tasks.watch import TrainingWatch


def test_the_stages_own_sentence_explains_a_failure() -> None:
    lines = [
        "Running stage 'ingest':",
        "> gptpath ingest",
        "gptpath ingest: no text in data/raw; put files there",
        "ERROR: failed to reproduce 'ingest': failed to run: gptpath ingest, exited with 1",
    ]
    assert explain(lines, 255) == "no text in data/raw; put files there"


def test_a_sentence_of_several_lines_is_kept_whole() -> None:
    lines = ["gptpath ingest: params.yaml:", "  seed: missing", "ERROR: failed to reproduce"]
    assert explain(lines, 255) == "params.yaml: seed: missing"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Traceback", "  File x", "torch.cuda.OutOfMemoryError: no memory", "ERROR: failed"],
         "torch.cuda.OutOfMemoryError: no memory"),
        (["ERROR: 'dvc.yaml' is invalid."], "'dvc.yaml' is invalid."),
        (["something odd", ""], "something odd"),
        ([], "DVC ended with code 9 and said nothing"),
    ],
)  # fmt: skip
def test_without_it_the_most_telling_line_explains(lines: list[str], expected: str) -> None:
    assert explain(lines, 9) == expected


def test_only_a_killed_stage_is_tried_again() -> None:
    def state(error: Exception) -> SimpleNamespace:
        return SimpleNamespace(data=error)

    assert was_killed(None, None, state(StageKilledError("exited with -9")))
    assert not was_killed(None, None, state(PipelineError("no text")))


def test_each_stage_gets_its_name_and_the_retries_of_its_policy() -> None:
    training = stage_task("pretrain@gpt1-laptop")
    assert training.name == "pretrain"
    assert training.task_run_name == "pretrain@gpt1-laptop"
    assert training.retries == POLICIES["pretrain"].retries > 0
    assert stage_task("report").retries == 0


def test_the_table_names_exactly_the_stages_of_dvc_yaml(request: pytest.FixtureRequest) -> None:
    stages = YAML(typ="safe").load(request.config.rootpath / "dvc.yaml")["stages"]
    assert set(POLICIES) == set(stages)
    assert policy_of("a stage of one's own").retries == 0


def test_progress_is_read_from_the_lines_of_the_runner() -> None:
    for line, expected in (
        ("progress 120/800 files", ("120", "800")),
        ("step  20/800 | tokens  41.0K", ("20", "800")),
    ):
        match = PROGRESS.match(line)
        assert match is not None
        assert match.groups() == expected
    assert PROGRESS.match("scores 120 | loss 2.5/3") is None


def test_a_prefect_server_that_is_away_costs_a_warning_and_not_the_stage(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[float] = []

    def away(percent: float, **_: Any) -> None:
        asked.append(percent)
        raise ConnectionError("connection refused")

    monkeypatch.setattr(stage_module, "get_run_logger", lambda: logging.getLogger("test"))
    monkeypatch.setattr(stage_module, "create_progress_artifact", away)
    watch = TrainingWatch("pretrain@m", stall_seconds=None, on_alert=lambda alert: None)
    output = _StageOutput("pretrain@m", watch)
    for step in range(1, 50):
        output.take(f"step {step}/100 | loss 1")
    assert asked == [1.0], "a client that tries a minute long must not hold up every line"
    assert "Prefect did not take the progress: connection refused" in caplog.text
