from pathlib import Path

import pytest

from gptpath.config.gate import Gate
from gptpath.config.loading import load_params, profile_text
from gptpath.config.retention import Retention
from gptpath.errors import ConfigError

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    "given",
    [
        {"samples": 0},
        {"min_items": 0},
        {"margin_bpb": -0.1},
        {"confidence": 1.0},
        {"overlap_share": 1.1},
        {"max_contaminated": -0.1},
    ],
)
def test_what_makes_no_sense_is_refused_by_name(given: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=f"gate.{next(iter(given))}"):
        Gate(**given)
    with pytest.raises(ConfigError, match="retention.keep_versions is negative"):
        Retention(keep_versions=-1)


def test_profiles_without_the_sections_have_their_defaults() -> None:
    params = load_params(ROOT / "profiles" / "laptop.yaml")
    assert (params.gate, params.retention) == (Gate(), Retention())


def test_a_profile_can_set_them_and_must_name_known_models(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(
        profile_text(ROOT / "profiles", "laptop", ["gate={margin_bpb: 0.1, models: [lstm-laptop]}"])
    )
    assert load_params(path).gate == Gate(margin_bpb=0.1, models=("lstm-laptop",))
    with pytest.raises(ConfigError, match="gate.models names 'huge'"):
        profile_text(ROOT / "profiles", "laptop", ["gate={models: [huge]}"])
