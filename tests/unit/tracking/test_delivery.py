"""What the store does not take is kept, and sent by the next process."""

import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import requests
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.tracking import MlflowClient

from gptpath.cli import main
from gptpath.events import Evaluated, ModelFinished
from gptpath.tracking import registration
from gptpath.tracking.delivery import Delivery, deliver_leftovers, persist
from gptpath.tracking.flow_record import open_flow_record
from gptpath.tracking.mlflow_run import MlflowRun, open_run
from gptpath.tracking.store import open_client
from tests.unit.tracking.test_registration import LEDGER, model

pytestmark = [
    pytest.mark.filterwarnings(
        "default::DeprecationWarning", "default::FutureWarning", "default::ResourceWarning"
    ),
    pytest.mark.usefixtures("impatient"),
]


def away(*args: object, **kwargs: object) -> None:
    raise MlflowException("the server is away")


def outboxes(root: Path) -> list[Path]:
    return [path for path in (root / ".scratch" / "outbox").glob("*") if path.is_dir()]


def unreachable(run: MlflowRun, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("log_batch", "set_terminated", "set_tag"):
        monkeypatch.setattr(run._client, name, away)
    return monkeypatch


def end_without_the_store(run: MlflowRun, monkeypatch: pytest.MonkeyPatch, status="FINISHED"):
    with monkeypatch.context() as patch:
        unreachable(run, patch)
        run.record(Evaluated(step=3, values={"validation/loss": 2.5}))
        run.finish(status, {"bpb": 1.25})


def test_a_run_that_ended_without_the_store_is_whole_after_the_next_one_begins(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    end_without_the_store(run, monkeypatch)
    client = open_client(root)
    assert client.get_run(run.run_id).info.status == "RUNNING"
    assert len(outboxes(root)) == 1
    following = open_run(root, facts, parent=None, flow_run=None)
    made = client.get_run(run.run_id)
    assert made.info.status == "FINISHED"
    assert made.data.metrics == {"validation/loss": 2.5, "final/bpb": 1.25}
    assert [one.step for one in client.get_metric_history(run.run_id, "validation/loss")] == [3]
    following.finish("FINISHED", {})
    assert not outboxes(root)


def test_a_run_that_somebody_has_deleted_waits_for_nothing(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    end_without_the_store(run, monkeypatch)
    client = open_client(root)
    client.delete_run(run.run_id)
    assert deliver_leftovers(client, root) == Delivery(delivered=1, left=())


def test_a_flow_run_sends_it_too(root: Path, facts, monkeypatch: pytest.MonkeyPatch) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    end_without_the_store(run, monkeypatch)
    flow = open_flow_record(root, "laptop", flow="path", flow_run_id="f", flow_run_name="otter")
    flow.finish("FINISHED")
    assert open_client(root).get_run(run.run_id).info.status == "FINISHED"
    assert not outboxes(root)


def test_numbers_that_arrived_although_nobody_said_so_are_not_doubled(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    write = run._client.log_batch

    def lose_the_answer(*args, **kwargs) -> None:
        write(*args, **kwargs)
        raise MlflowException("connection reset")

    with monkeypatch.context() as patch:
        patch.setattr(run._client, "log_batch", lose_the_answer)
        run.record(Evaluated(step=3, values={"validation/loss": 2.5}))
        run.finish("FINISHED", {})
    client = open_client(root)
    assert deliver_leftovers(client, root) == Delivery(delivered=1, left=())
    assert len(client.get_metric_history(run.run_id, "validation/loss")) == 1


def record_and_die(root: Path, facts) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    run.record(Evaluated(step=3, values={"validation/loss": 2.5}))
    (root / "run_id").write_text(run.run_id)
    os.kill(os.getpid(), signal.SIGKILL)


def test_numbers_of_a_killed_stage_arrive_and_its_run_is_closed(root: Path, facts) -> None:
    stage = multiprocessing.get_context("spawn").Process(target=record_and_die, args=(root, facts))
    stage.start()
    stage.join(60)
    assert stage.exitcode == -signal.SIGKILL
    client = open_client(root)
    assert deliver_leftovers(client, root).delivered == 1
    made = client.get_run((root / "run_id").read_text())
    assert (made.info.status, made.data.metrics) == ("KILLED", {"validation/loss": 2.5})


def test_the_outbox_of_a_running_stage_is_let_alone(root: Path, facts) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    client = open_client(root)
    assert deliver_leftovers(client, root) == Delivery(delivered=0, left=())
    assert client.get_run(run.run_id).info.status == "RUNNING"


def test_what_is_meant_for_another_store_waits_for_it(
    root: Path, facts, store_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    end_without_the_store(run, monkeypatch)
    (root / "other.db").write_bytes(store_template.read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{root / 'other.db'}")
    assert deliver_leftovers(open_client(root), root) == Delivery(delivered=0, left=())
    assert len(outboxes(root)) == 1


def fail_uploads(root: Path, patch: pytest.MonkeyPatch) -> None:
    def log_model(run_id: str, *args: object) -> None:
        open_client(root).set_terminated(run_id, "FAILED")  # as MLflow's own run does
        raise requests.HTTPError("500 Server Error: the bucket is away")

    patch.setattr(registration, "_log_model", log_model)


def test_a_model_without_a_place_for_its_files_does_not_fail_the_stage_and_is_kept(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    given = model(root / "model")
    with monkeypatch.context() as patch:
        fail_uploads(root, patch)
        run.register(given, LEDGER)
    run.finish("FINISHED", {})
    assert "the bucket is away" in caplog.text
    assert "gptpath deliver" in caplog.text
    weights = (given.path / "model.safetensors").read_bytes()
    model(root / "model", weight=9.0)  # trained again meanwhile
    client = open_client(root)
    assert client.get_run(run.run_id).info.status == "FINISHED"
    assert deliver_leftovers(client, root).delivered == 1
    version = client.get_model_version_by_alias("gptpath-tiny", "challenger")
    assert version.run_id == run.run_id
    assert version.tags["gptpath.ledger.tokens"] == "1000"
    [stored] = (root / "mlartifacts").rglob("model.safetensors")
    assert stored.read_bytes() == weights
    assert not outboxes(root)


def test_a_registry_that_comes_back_in_time_has_the_model_at_the_end_of_the_stage(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTPATH_TRACKING_PATIENCE", "20")
    run = open_run(root, facts, parent=None, flow_run=None)
    create, tries = MlflowClient.create_model_version, []

    def refuse_once(*args, **kwargs):
        tries.append(args)
        if len(tries) == 1:
            raise MlflowException("the server is away")
        return create(*args, **kwargs)

    monkeypatch.setattr(MlflowClient, "create_model_version", refuse_once)
    run.register(model(root / "model"), LEDGER)
    assert len(tries) == 2
    assert open_client(root).get_model_version("gptpath-tiny", "1").run_id == run.run_id


def test_a_stage_told_to_stop_while_it_waits_ends_with_its_result(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)

    def stopped(*args: object) -> bool:
        raise SystemExit(143)

    monkeypatch.setattr("gptpath.tracking.mlflow_run.deliver_model", stopped)
    run.register(model(root / "model"), LEDGER)
    run.finish("FINISHED", {})
    assert [kept.name for kept in outboxes(root)] == [run.run_id]


def test_what_the_registry_refuses_is_told_once_and_kept_for_a_person(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch, capsys, caplog
) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    with monkeypatch.context() as patch:
        patch.setattr(registration, "register_model", refuse_for_good)
        run.register(model(root / "model"), LEDGER)
        run.finish("FINISHED", {})
        assert "the registry refuses model tiny" in caplog.text
        caplog.clear()
        assert len(deliver_leftovers(open_client(root), root).left) == 1
        assert "refuses" not in caplog.text
    (root / "dvc.yaml").write_text("")
    monkeypatch.chdir(root)
    assert main(["deliver"]) == 0
    assert "delivered what 1 runs had left" in capsys.readouterr().out
    assert str(open_client(root).get_model_version("gptpath-tiny", "1").version) == "1"


def refuse_for_good(*args: object, **kwargs: object) -> None:
    raise MlflowException("a name too long", error_code=INVALID_PARAMETER_VALUE)


def test_the_command_fails_while_the_store_is_away(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch, capsys
) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    end_without_the_store(run, monkeypatch)
    (root / "dvc.yaml").write_text("")
    monkeypatch.chdir(root)
    monkeypatch.setattr(MlflowClient, "log_batch", away)
    assert main(["deliver"]) == 1
    assert "1 runs still have something" in capsys.readouterr().err


def test_trying_goes_on_until_the_deadline() -> None:
    tries = []
    assert not persist(lambda: bool(tries.append(1)), deadline=0.0)
    assert len(tries) == 1
    assert persist(lambda: len(tries) == 1, deadline=0.0)


def test_a_finished_model_may_have_no_links(root: Path, facts, monkeypatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError("links cross devices nowhere")

    run = open_run(root, facts, parent=None, flow_run=None)
    monkeypatch.setattr("gptpath.tracking.outbox.os.link", refuse)
    given: ModelFinished = model(root / "model")
    kept = run._outbox.keep(given, LEDGER, facts)
    assert (kept.model.path / "model.safetensors").read_bytes() == (
        given.path / "model.safetensors"
    ).read_bytes()
    assert not (kept.model.path / "checkpoints").exists()
    assert [one.model for one in run._outbox.models()] == [kept.model]
