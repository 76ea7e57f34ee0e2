from pathlib import Path

import pytest

from gptpath.tracking.flow_record import open_flow_record
from gptpath.tracking.mlflow_run import open_run
from gptpath.tracking.store import open_client

pytestmark = pytest.mark.filterwarnings("default::DeprecationWarning", "default::FutureWarning")


def open_parent(root: Path):
    return open_flow_record(root, "laptop", flow="path", flow_run_id="f-1", flow_run_name="otter")


def test_a_skipped_stage_is_linked_to_the_run_that_made_it(root: Path, facts) -> None:
    made = open_run(root, facts, parent=None, flow_run=None)
    parent = open_parent(root)
    linked = parent.link(
        "pretrain@tiny", made.run_id, version="v1", outs={"models/tiny": "m"}, skipped=True
    )
    parent.finish("FINISHED")
    client = open_client(root)
    assert linked == made.run_id
    tags = client.get_run(parent.run_id).data.tags
    assert tags["gptpath.linked.pretrain/tiny"] == made.run_id
    assert tags["prefect.flow_run_id"] == "f-1"
    assert client.get_run(made.run_id).data.tags["gptpath.version"] == "v1"
    assert client.get_run(made.run_id).data.tags["gptpath.out.models/tiny"] == "m"


def test_a_stage_without_a_ledger_is_found_by_its_parent_then_by_its_version(
    root: Path, facts
) -> None:
    first = open_parent(root)
    made = open_run(root, facts, parent=first.run_id, flow_run=None)
    assert first.link("pretrain@tiny", None, version="v1", outs={}, skipped=False) == made.run_id
    second = open_parent(root)
    assert second.link("pretrain@tiny", None, version="v1", outs={}, skipped=True) == made.run_id
    assert second.link("pretrain@tiny", None, version="v2", outs={}, skipped=True) is None


def test_a_run_of_another_store_does_not_stop_the_flow(root: Path) -> None:
    parent = open_parent(root)
    parent.link("pretrain@tiny", "f" * 32, version="v1", outs={}, skipped=True)
    tags = open_client(root).get_run(parent.run_id).data.tags
    assert tags["gptpath.linked.pretrain/tiny"] == "f" * 32


def test_without_tracking_the_flow_has_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GPTPATH_TRACKING", "off")
    parent = open_parent(tmp_path)
    assert parent.link("ingest", "r", version="v", outs={}, skipped=True) == "r"
    parent.finish("FINISHED")
    assert parent.run_id is None
    assert list(tmp_path.iterdir()) == []
