import os
import subprocess
import sys

import pytest

from gptpath.errors import PipelineError
from gptpath.text.scratch import fingerprint, scratch_folder


def test_a_fingerprint_changes_with_parts_and_with_the_raw_files(tmp_path):
    (tmp_path / "a.txt").write_text("one")
    before = fingerprint({"seed": 1}, tmp_path)
    assert fingerprint({"seed": 1}, tmp_path) == before
    assert fingerprint({"seed": 2}, tmp_path) != before
    (tmp_path / "a.txt").write_text("two")
    os.utime(tmp_path / "a.txt", ns=(1, 1))
    assert fingerprint({"seed": 1}, tmp_path) != before


def test_a_folder_stays_after_an_error_and_goes_after_success(tmp_path):
    with (  # noqa: PT012
        pytest.raises(FileExistsError),
        scratch_folder(tmp_path, "one") as folder,
    ):
        (folder / "state").write_text("half")
        folder.mkdir()  # it is there already
    with scratch_folder(tmp_path, "one") as folder:
        assert (folder / "state").read_text() == "half"
    assert not (tmp_path / "one").exists()


def test_state_of_a_run_with_other_parameters_is_removed(tmp_path):
    (tmp_path / "old").mkdir()
    with scratch_folder(tmp_path, "new"):
        assert not (tmp_path / "old").exists()


def test_a_second_process_is_refused(tmp_path):
    code = (
        "import sys; from pathlib import Path; from gptpath.text.scratch import scratch_folder\n"
        f"with scratch_folder(Path({str(tmp_path)!r}), 'a'): pass"
    )
    with scratch_folder(tmp_path, "a"):
        with (
            pytest.raises(PipelineError, match="is at work in this checkout"),
            scratch_folder(tmp_path, "a"),
        ):
            pass
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
    assert "PipelineError" in done.stderr
