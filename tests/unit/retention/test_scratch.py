import fcntl
import os
import time
from pathlib import Path

import pytest

from gptpath.retention.scratch import scratch_leftovers

OLD = time.time() - 10 * 86400


def make(folder: Path, *, old: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "state").write_bytes(b"x" * 100)
    if old:
        os.utime(folder / "state", (OLD, OLD))
        os.utime(folder, (OLD, OLD))
    return folder


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    return tmp_path / ".scratch"


def test_only_what_nobody_has_changed_for_days_goes(scratch: Path) -> None:
    old, fresh = make(scratch / "pretrain/aa"), make(scratch / "pretrain/bb", old=False)
    data, copy = make(scratch / "ingest/cc"), make(scratch / "registry/gptpath-x/m-1")
    (scratch / "other").mkdir()
    found = list(scratch_leftovers(scratch, 7))
    assert [one.size_bytes for one in found] == [100, 100, 100]
    assert found[0].what == "pretrain/aa, unchanged for 10 days"
    assert old.exists(), "finding removes nothing"
    for one in found:
        one.remove()
    assert [path.exists() for path in (old, data, copy, fresh)] == [False, False, False, True]
    assert not list(scratch_leftovers(scratch, 7))


def test_what_a_stage_holds_stays_even_if_it_takes_it_up_at_the_last_moment(
    scratch: Path,
) -> None:
    folder = make(scratch / "pretrain/aa")
    lock = scratch / "pretrain/aa.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not list(scratch_leftovers(scratch, 7))
    [one] = scratch_leftovers(scratch, 7)
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        one.remove()
        assert folder.exists()
    one.remove()
    assert not folder.exists()


def test_files_that_go_while_a_stage_is_at_work_are_not_looked_at(scratch: Path) -> None:
    folder = make(scratch / "ingest/cc")
    (folder / "gone").symlink_to(folder / "nowhere")
    with (scratch / "ingest/lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert not list(scratch_leftovers(scratch, 7))
