"""Which version is the challenger when models reach the registry late."""

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from gptpath.tracking.delivery import _deliver, deliver_leftovers
from gptpath.tracking.mlflow_run import open_run
from gptpath.tracking.outbox import leftovers
from gptpath.tracking.store import open_client, tracking_uri
from tests.unit.tracking.test_delivery import away, fail_uploads
from tests.unit.tracking.test_registration import LEDGER, model

pytestmark = [
    pytest.mark.filterwarnings(
        "default::DeprecationWarning", "default::FutureWarning", "default::ResourceWarning"
    ),
    pytest.mark.usefixtures("impatient"),
]


def test_a_model_that_arrives_after_a_later_one_is_not_the_challenger(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    earlier = open_run(root, facts, parent=None, flow_run=None)
    with monkeypatch.context() as patch:
        fail_uploads(root, patch)
        earlier.register(model(root / "model"), LEDGER)
        earlier.finish("FINISHED", {})
        later = open_run(root, facts, parent=None, flow_run=None)
    later.register(model(root / "model", weight=2.0), LEDGER)
    client = open_client(root)
    assert deliver_leftovers(client, root).delivered == 1  # while the later run still goes on
    later.finish("FINISHED", {})
    assert client.get_model_version("gptpath-tiny", "2").run_id == earlier.run_id
    challenger = client.get_model_version_by_alias("gptpath-tiny", "challenger")
    assert challenger.run_id == later.run_id


def test_of_two_models_that_wait_the_later_one_becomes_the_challenger_in_any_order(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = []
    with monkeypatch.context() as patch:
        fail_uploads(root, patch)
        for weight in (1.0, 2.0):
            runs.append(open_run(root, facts, parent=None, flow_run=None))
            runs[-1].register(model(root / "model", weight=weight), LEDGER)
            runs[-1].finish("FINISHED", {})
    client = open_client(root)
    found = sorted(leftovers(root, tracking_uri(root)), key=lambda one: one.state.end_time or 0)
    for outbox in reversed(found):  # as their ids may have it
        outbox.close(delivered=_deliver(client, outbox, refused=False))
    challenger = client.get_model_version_by_alias("gptpath-tiny", "challenger")
    assert challenger.run_id == runs[1].run_id


def test_a_version_whose_alias_was_not_moved_is_the_challenger_after_the_next_try(
    root: Path, facts, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = open_run(root, facts, parent=None, flow_run=None)
    with monkeypatch.context() as patch:
        patch.setattr(MlflowClient, "set_registered_model_alias", away)
        run.register(model(root / "model"), LEDGER)
        run.finish("FINISHED", {})
    client = open_client(root)
    assert deliver_leftovers(client, root).delivered == 1
    assert len(client.search_model_versions("name = 'gptpath-tiny'")) == 1
    assert client.get_model_version_by_alias("gptpath-tiny", "challenger").run_id == run.run_id
