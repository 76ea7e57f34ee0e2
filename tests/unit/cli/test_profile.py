import shutil
from pathlib import Path

import pytest

from gptpath.cli import main

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(ROOT / "profiles", tmp_path / "profiles")
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_a_person_wrote_is_kept_however_often_another_profile_follows(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "params.yaml").write_text("# an hour of work\n")
    assert main(["profile", "books", "--set", "seed=1"]) == 0
    assert main(["profile", "books", "--set", "seed=2"]) == 0
    assert (checkout / "params.yaml.previous").read_text() == "# an hour of work\n"
    assert "seed: 1" in (checkout / "params.yaml.previous-2").read_text()
    assert "kept your params.yaml as params.yaml.previous-2" in capsys.readouterr().out


def test_a_ready_made_profile_is_not_kept(checkout: Path) -> None:
    assert main(["profile", "laptop"]) == 0
    assert main(["profile", "books"]) == 0
    assert not list(checkout.glob("params.yaml.*"))
