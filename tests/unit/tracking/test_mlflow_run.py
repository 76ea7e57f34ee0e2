import dataclasses
import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from gptpath.errors import PipelineError
from gptpath.events import Evaluated, StepFinished
from gptpath.tracking import delivery
from gptpath.tracking.mlflow_run import _numbers, open_run
from gptpath.tracking.recorder import open_recorder
from gptpath.tracking.store import open_client

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning")


def step(number: int, loss: float) -> StepFinished:
    return StepFinished(
        step=number,
        total_steps=9,
        tokens=number * 10,
        loss=loss,
        learning_rate=1e-3,
        grad_norm=1.0,
        tokens_per_second=5.0,
        seconds_left=1.0,
    )


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_run_carries_parameters_tags_and_the_md5s_of_its_inputs(root: Path, facts) -> None:
    record = open_run(root, facts, parent="p" * 32, flow_run="flow-1")
    run = open_client(root).get_run(record.run_id)
    assert run.info.run_name == "pretrain@tiny"
    assert run.data.params == dict(facts.parameters)
    assert run.data.tags["mlflow.parentRunId"] == "p" * 32
    assert run.data.tags["prefect.flow_run_id"] == "flow-1"
    assert run.data.tags["mlflow.source.git.commit"] == "c" * 40
    assert run.data.tags["gptpath.git_dirty"] == "true"
    [given] = run.inputs.dataset_inputs
    assert (given.dataset.name, given.dataset.digest) == ("data/tokens", "abc.dir")
    assert {tag.key: tag.value for tag in given.tags}["gptpath.producer"] == "encode"


def test_two_runs_may_name_a_new_data_set_at_the_same_moment(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, refused = MlflowClient.log_inputs, []

    def log_inputs(client: MlflowClient, run_id: str, inputs) -> None:
        if not refused:
            refused.append(run_id)
            raise MlflowException("UNIQUE constraint failed: datasets.name, datasets.digest")
        write(client, run_id, inputs)

    monkeypatch.setattr(MlflowClient, "log_inputs", log_inputs)
    record = open_run(root, facts, parent=None, flow_run=None)
    assert refused == [record.run_id]
    assert len(open_client(root).get_run(record.run_id).inputs.dataset_inputs) == 1


def test_a_store_that_never_takes_the_inputs_is_told(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def log_inputs(client: MlflowClient, run_id: str, inputs) -> None:
        raise MlflowException("no room")

    monkeypatch.setattr(MlflowClient, "log_inputs", log_inputs)
    with pytest.raises(MlflowException, match="no room"):
        open_run(root, facts, parent=None, flow_run=None)


def test_speed_memory_and_mfu_are_told_where_they_are_known() -> None:
    unknown = _numbers(step(1, loss=2.0))
    known = _numbers(dataclasses.replace(step(1, loss=2.0), mfu=0.5, peak_memory_bytes=7))
    assert unknown["train/tokens_per_second"] == 5.0
    assert not {"train/mfu", "train/peak_memory_bytes"} & unknown.keys()
    assert (known["train/mfu"], known["train/peak_memory_bytes"]) == (0.5, 7.0)


def test_numbers_reach_the_store_in_few_batches_and_by_step(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = open_run(root, facts, parent=None, flow_run=None)
    client, calls = record._client, []
    write = client.log_batch
    monkeypatch.setattr(client, "log_batch", lambda *a, **k: (calls.append(k), write(*a, **k)))
    for number in range(300):
        record.record(step(number, loss=9 - number / 100))
    record.record(Evaluated(step=299, values={"validation/loss": 2.5}))
    record.finish("FINISHED", {"bpb": 1.25})
    assert len(calls) == 2, "1502 numbers, 1000 to a batch"
    history = client.get_metric_history(record.run_id, "train/loss")
    assert [(one.step, one.value) for one in history[:2]] == [(0, 9.0), (1, 8.99)]
    run = client.get_run(record.run_id)
    assert run.data.metrics["validation/loss"] == 2.5
    assert run.data.metrics["final/bpb"] == 1.25
    assert run.info.status == "FINISHED"


def test_numbers_are_written_while_the_stage_runs(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FLUSH_SECONDS", 0.05)
    record = open_run(root, facts, parent=None, flow_run=None)
    record.record(step(1, loss=3.0))
    wait_until(lambda: record._client.get_run(record.run_id).data.metrics.get("train/loss") == 3.0)
    record.finish("FINISHED", {})


def test_a_store_that_goes_away_costs_a_warning_and_no_numbers(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(delivery, "FLUSH_SECONDS", 0.05)
    record = open_run(root, facts, parent=None, flow_run=None)

    def refuse(*args, **kwargs) -> None:
        raise MlflowException("database is away")

    with monkeypatch.context() as away, caplog.at_level(logging.WARNING):
        away.setattr(record._client, "log_batch", refuse)
        record.record(step(1, loss=3.0))
        wait_until(lambda: "database is away" in caplog.text)
    record.record(step(2, loss=2.0))
    record.finish("FINISHED", {})
    assert len(record._client.get_metric_history(record.run_id, "train/loss")) == 2
    assert not any((root / ".scratch" / "outbox").iterdir())


def test_recording_does_not_wait_for_a_slow_store(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "FLUSH_SECONDS", 0.0)
    record = open_run(root, facts, parent=None, flow_run=None)
    begun, answer = threading.Event(), threading.Event()
    write = record._client.log_batch

    def slow(*args, **kwargs) -> None:
        begun.set()
        assert answer.wait(10)
        write(*args, **kwargs)

    monkeypatch.setattr(record._client, "log_batch", slow)
    record.record(step(1, loss=3.0))
    assert begun.wait(10)
    before = time.monotonic()
    record.record(step(2, loss=2.0))
    assert time.monotonic() - before < 0.5
    answer.set()
    record.finish("FINISHED", {})
    assert len(record._client.get_metric_history(record.run_id, "train/loss")) == 2


def test_numbers_that_come_while_others_are_sent_wait_for_the_next_batch(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = open_run(root, facts, parent=None, flow_run=None)
    write, calls = record._client.log_batch, []

    def log_batch(*args, **kwargs) -> None:
        write(*args, **kwargs)
        calls.append(kwargs["metrics"])
        record.record(step(len(calls) + 1, loss=2.0))

    monkeypatch.setattr(record._client, "log_batch", log_batch)
    record.record(step(1, loss=3.0))
    record._sender._flush()
    assert len(calls) == 1
    monkeypatch.undo()
    record.finish("FINISHED", {})
    assert len(record._client.get_metric_history(record.run_id, "train/loss")) == 2


def test_a_name_that_mlflow_refuses_does_not_hold_up_later_numbers(root: Path, facts) -> None:
    record = open_run(root, facts, parent=None, flow_run=None)
    record.record(Evaluated(step=1, values={"100%!": 1.0}))
    record._sender._flush()
    record.record(step(1, loss=3.0))
    record.finish("FINISHED", {})
    assert record._client.get_run(record.run_id).data.metrics["train/loss"] == 3.0


def test_a_wrong_patience_is_told_before_the_work(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTPATH_TRACKING_PATIENCE", "long")
    with pytest.raises(PipelineError, match="GPTPATH_TRACKING_PATIENCE='long'"):
        open_run(root, facts, parent=None, flow_run=None)


def test_without_tracking_nothing_is_written(
    tmp_path: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTPATH_TRACKING", "off")
    record = open_recorder(tmp_path, dataclasses.replace(facts, inputs=()))
    record.record(step(1, loss=3.0))
    record.finish("FINISHED", {"bpb": 1.0})
    assert record.run_id is None
    assert list(tmp_path.iterdir()) == []
