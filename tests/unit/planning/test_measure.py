from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gptpath.config.loading import load_params
from gptpath.config.params import Params
from gptpath.model.build import flops_per_token
from gptpath.planning import measure

CPU = torch.device("cpu")


@pytest.fixture
def params(monkeypatch: pytest.MonkeyPatch) -> Params:
    monkeypatch.setattr(measure, "configure", lambda threads: torch.set_num_threads(threads))
    monkeypatch.setattr(measure, "_MOST_STEPS", 1)
    loaded = load_params(Path(__file__).parents[3] / "profiles" / "laptop.yaml")
    small = {"n_layer": 1, "n_head": 1, "n_embd": 16, "context_length": 16}
    models = {
        name: replace(entry, shape=small | ({"n_hidden": 16} if "lstm" in name else {}))
        for name, entry in loaded.models.items()
    }
    return replace(loaded, models=models, tokenizer=replace(loaded.tokenizer, vocab_size=300))


def test_small_models_are_measured_by_real_steps(params: Params) -> None:
    rates = measure.measure_rates(params, CPU)
    assert set(rates.training) == set(params.matrix.models)
    assert all(speed.measured and speed.tokens_per_second > 0 for speed in rates.training.values())


def test_equal_shapes_are_measured_once(params: Params) -> None:
    rates = measure.measure_rates(params, CPU)
    assert rates.training["gpt2-laptop-s"] is rates.training["gpt2-laptop-m"]


def test_a_model_too_large_to_try_is_estimated_from_the_matrix_rate(
    params: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measure, "measure_matmul", lambda device, precision: 1e3)
    rates = measure.measure_rates(params, CPU)
    speed = rates.training["gpt2-laptop-s"]
    assert not speed.measured
    expected = (
        1e3 * measure.EFFICIENCY["cpu"] / flops_per_token(params.model_config("gpt2-laptop-s"))
    )
    assert speed.tokens_per_second == pytest.approx(expected)


def test_the_matrix_rate_is_that_of_a_computer() -> None:
    torch.set_num_threads(1)
    assert 1e8 < measure.measure_matmul(CPU, "float32") < 1e14
