"""Versions and runs of a real store: what is old and unneeded goes, with its files."""

import json
import time
from pathlib import Path

import pytest

from gptpath.cli import main
from gptpath.config.retention import Retention
from gptpath.events import ModelFinished
from gptpath.retention.collection import find_leftovers
from gptpath.tracking.registration import PREFIX
from gptpath.tracking.retention import split_versions
from gptpath.tracking.store import open_client
from tests.pipeline.tiny_checkout import run
from tests.unit.gate.conftest import write_model
from tests.unit.registry_checkout import MARKS, make_checkout, register

pytestmark = MARKS

NAME = f"{PREFIX}tiny"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five versions: 1 was champion before 2, 2 is champion, a ledger names the run of 3."""
    retention = {"keep_versions": 1, "run_days": 0, "scratch_days": 0}
    make_checkout(tmp_path, monkeypatch, {"retention": retention})
    run(tmp_path, "git", "init", "-q")
    run(tmp_path, "python", "-m", "dvc", "init", "-q")
    for number in range(5):
        folder = write_model(tmp_path / "models" / str(number), lean=number / 10)
        model = ModelFinished(name="tiny", path=folder, kind="language-model", metrics={})
        register(tmp_path, model, stage="pretrain")
    client = open_client(tmp_path)
    client.set_registered_model_alias(NAME, "champion", "2")
    client.set_model_version_tag(NAME, "2", "gptpath.gate.champion", "1")
    ledger = tmp_path / "ledger" / "pretrain" / "tiny.json"
    ledger.parent.mkdir(parents=True)
    ledger.write_text(json.dumps({"mlflow_run_id": client.get_model_version(NAME, "3").run_id}))
    time.sleep(0.01)
    return tmp_path


def files(root: Path) -> int:
    return len(list((root / "mlartifacts").rglob("model.safetensors")))


def versions(root: Path) -> list[str]:
    found = open_client(root).search_model_versions(f"name = '{NAME}'")
    return sorted(str(one.version) for one in found)


def test_a_version_without_alias_newness_or_ledger_goes_with_its_run_and_files(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = open_client(root)
    gone = client.get_model_version(NAME, "4").run_id
    assert main(["gc", "--dry-run"]) == 0
    said = capsys.readouterr().out
    assert f"{NAME} version 4" in said
    assert "nothing was removed" in said
    assert not {f"version {kept}" for kept in (1, 2, 3, 5) if f"version {kept}" in said}
    assert (versions(root), files(root)) == (["1", "2", "3", "4", "5"], 5)
    assert int(said.split("bytes")[0].split()[-1].replace(",", "")) > 10_000

    assert main(["gc"]) == 0
    assert (versions(root), files(root)) == (["1", "2", "3", "5"], 4)
    assert main(["gc"]) == 0, "the run that had the version goes with the next one"
    with pytest.raises(Exception, match=gone):
        client.get_run(gone)
    for number in versions(root):
        assert client.get_run(client.get_model_version(NAME, number).run_id)
    capsys.readouterr()
    assert main(["gc"]) == 0
    assert "0 bytes could go" in capsys.readouterr().out


def test_versions_from_runs_that_something_names_are_kept(root: Path) -> None:
    client = open_client(root)
    run_id = client.get_model_version(NAME, "4").run_id
    _, old = split_versions(client, keep=1, runs={run_id})
    assert [str(one.version) for one in old] == ["3"]


def test_a_servers_runs_are_left_alone_while_a_branch_names_ledgers_that_nobody_has(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (root / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  pretrain@tiny:\n    cmd: gptpath pretrain tiny\n"
        "    outs: [{path: ledger/pretrain/tiny.json, md5: abcdef}]\n"
    )
    monkeypatch.setattr("gptpath.retention.collection.store_is_local", lambda _: False)
    settings = Retention(keep_versions=1, run_days=0, scratch_days=0)
    assert not [one for one in find_leftovers(root, settings) if one.kind != "cache"]
    assert "1 ledgers of branches and tags are not in DVC's cache" in caplog.text
    monkeypatch.undo()
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert [one for one in find_leftovers(root, settings) if one.kind == "version"]
