from pathlib import Path

import pytest

from gptpath.config.loading import load_params
from gptpath.errors import ConfigError
from tasks.parameters import write_profile


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "profiles").symlink_to(Path(__file__).parents[3] / "profiles")
    (tmp_path / "params.yaml").write_text("as it was\n")
    return tmp_path


def test_a_profile_and_its_changes_become_the_checkouts_parameters(checkout: Path) -> None:
    write_profile(checkout, "laptop", ["pretrain.steps=1500"])
    written = load_params(checkout / "params.yaml")
    assert (written.profile, written.pretrain.steps) == ("laptop", 1500)


@pytest.mark.parametrize(
    ("profile", "changes", "message"),
    [
        (None, ["pretrain.steps=24"], "no profile that they change"),
        ("laptop", ["pretrain.stepps=24"], "stepps"),
        ("lap", None, "lap"),
    ],
)
def test_what_is_wrong_is_refused_and_nothing_written(
    checkout: Path, profile: str | None, changes: list[str] | None, message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        write_profile(checkout, profile, changes)
    assert (checkout / "params.yaml").read_text() == "as it was\n"


@pytest.mark.parametrize("changes", [None, []])
def test_without_a_profile_parameters_stay(checkout: Path, changes: list[str] | None) -> None:
    write_profile(checkout, None, changes)
    assert (checkout / "params.yaml").read_text() == "as it was\n"
