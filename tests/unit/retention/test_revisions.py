"""What cannot be read is named: then nobody knows what it needs, and nothing may go."""

from pathlib import Path

import pytest

from gptpath.errors import PipelineError
from gptpath.retention.revisions import recorded
from tests.pipeline.tiny_checkout import commit, run

LOCK = """schema: '2.0'
stages:
  pretrain@tiny:
    cmd: gptpath pretrain tiny
    outs:
    - {path: models/tiny, md5: aaa}
    - {path: ledger/pretrain/tiny.json, md5: bbb}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    run(tmp_path, "git", "init", "-q", "-b", "main")
    (tmp_path / "dvc.lock").write_text(LOCK)
    commit(tmp_path, "train")
    return tmp_path


@pytest.mark.parametrize("ref", ["refs/heads/other", "refs/tags/v1", "refs/exps/ab/cd/exp-1"])
def test_every_branchs_stages_and_the_runs_of_their_ledgers_are_known(root: Path, ref: str) -> None:
    run(root, "git", "update-ref", ref, "HEAD")
    run(root, "git", "checkout", "-q", "--orphan", "new")
    run(root, "git", "branch", "-q", "-D", "main")
    (root / "dvc.lock").write_text(LOCK.replace("aaa", "ccc"))
    ledger = root / "cache" / "files" / "md5" / "bb" / "b"
    ledger.parent.mkdir(parents=True)
    ledger.write_text('{"mlflow_run_id": "r1"}')
    found = recorded(root, root / "cache")
    assert len(found.versions) == 2
    assert (found.runs, found.unknown) == ({"r1"}, 0)
    ledger.unlink()
    assert recorded(root, root / "cache").unknown == 1


def test_a_branchs_broken_lock_is_named(root: Path) -> None:
    (root / "dvc.lock").write_text("<<<<<<< ours\n" + LOCK)
    commit(root, "conflict")
    run(root, "git", "branch", "broken")
    (root / "dvc.lock").write_text(LOCK)
    commit(root, "solve it")
    with pytest.raises(PipelineError, match=r"dvc\.lock of refs/heads/broken"):
        recorded(root, root / "cache")


def test_a_broken_ledger_is_named(root: Path) -> None:
    ledger = root / "ledger" / "pretrain" / "tiny.json"
    ledger.parent.mkdir(parents=True)
    ledger.write_text('{"mlflow_run')
    with pytest.raises(PipelineError, match=r"tiny\.json is not JSON .*`dvc checkout`"):
        recorded(root, root / "cache")
