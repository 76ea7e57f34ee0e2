import multiprocessing
import os
import signal
import time

import pytest

from gptpath.errors import TrainingError
from gptpath.train import scratch
from gptpath.train.scratch import fingerprint, scratch_folder


def nothing():
    pass


def test_equal_parts_have_equal_fingerprints_and_others_others():
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    assert fingerprint({"a": 1}) != fingerprint({"a": 2})


def test_a_changed_line_of_code_changes_the_fingerprint(monkeypatch, tmp_path):
    before = fingerprint({})
    monkeypatch.setattr(scratch, "_code_version", lambda: "changed")
    assert fingerprint({}) != before


def test_the_code_version_covers_model_and_training(monkeypatch, tmp_path):
    for room in ("config", "tokens", "model", "train"):
        (tmp_path / room).mkdir()
        (tmp_path / room / "a.py").write_text("x = 1\n")
    monkeypatch.setattr(scratch, "__file__", str(tmp_path / "train" / "scratch.py"))
    versions = {scratch._code_version()}
    for room in ("config", "tokens", "model", "train"):
        (tmp_path / room / "a.py").write_text("x = 2\n")
        versions.add(scratch._code_version())
    assert len(versions) == 5


def test_the_folder_outlives_the_context_unless_the_run_removes_it(tmp_path):
    with scratch_folder(tmp_path / "s", "run", between=nothing) as folder:
        (folder / "file").write_text("kept")
    with scratch_folder(tmp_path / "s", "run", between=nothing) as folder:
        assert (folder / "file").read_text() == "kept"
        (folder / "file").unlink()
        folder.rmdir()
    assert list((tmp_path / "s").iterdir()) == []


def hold(root, ready):
    with scratch_folder(root, "run", between=nothing):
        ready.set()
        time.sleep(60)


@pytest.fixture
def holder(tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=hold, args=(tmp_path, ready), daemon=True)
    process.start()
    assert ready.wait(10)
    yield process
    process.kill()
    process.join()


def test_a_second_trainer_is_refused(holder, tmp_path):
    with (
        pytest.raises(TrainingError, match="another process is training this very run"),
        scratch_folder(tmp_path, "run", between=nothing, patience_seconds=0.3),
    ):
        pytest.fail("both are in")


def test_another_run_is_let_in(holder, tmp_path):
    with scratch_folder(tmp_path, "other", between=nothing, patience_seconds=0.3) as folder:
        assert folder.is_dir()


def test_the_lock_of_a_killed_trainer_is_free(holder, tmp_path):
    waited = []

    def kill_it():
        if not waited:
            os.kill(holder.pid, signal.SIGKILL)
        waited.append(True)

    with scratch_folder(tmp_path, "run", between=kill_it, patience_seconds=10) as folder:
        assert folder.is_dir()
    assert waited


def test_waiting_can_be_broken_off(holder, tmp_path):
    def stop():
        raise SystemExit(143)

    with pytest.raises(SystemExit), scratch_folder(tmp_path, "run", between=stop):
        pytest.fail("both are in")
