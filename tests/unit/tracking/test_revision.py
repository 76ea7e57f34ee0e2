import subprocess
from pathlib import Path

from gptpath.tracking.revision import read_revision


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_a_changed_file_makes_the_checkout_dirty_but_the_lock_does_not(tmp_path: Path) -> None:
    for name in ("code.py", "dvc.lock"):
        (tmp_path / name).write_text("one")
    git(tmp_path, "init")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-m", "Start")
    clean = read_revision(tmp_path)
    assert len(clean.commit) == 40
    (tmp_path / "dvc.lock").write_text("two")
    assert read_revision(tmp_path) == clean
    assert not clean.dirty
    (tmp_path / "code.py").write_text("two")
    assert read_revision(tmp_path).dirty


def test_outside_a_repository_the_commit_is_unknown(tmp_path: Path) -> None:
    assert read_revision(tmp_path).commit == "unknown"
