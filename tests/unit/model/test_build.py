import pytest
import torch

from gptpath.config.presets import PRESETS, gpt1_laptop, gpt2_laptop_s, lstm_laptop
from gptpath.model.build import (
    build_model,
    count_parameters,
    flops_per_token,
    non_embedding_parameters,
)

LAPTOP = [name for name in PRESETS if name.endswith(("laptop", "_s", "_m", "_l"))]


@pytest.mark.parametrize("name", LAPTOP)
def test_the_seed_alone_decides_the_weights(name):
    config = PRESETS[name]()
    first, same, other = (build_model(config, seed=seed).state_dict() for seed in (5, 5, 6))
    assert all(torch.equal(first[key], same[key]) for key in first)
    assert not torch.equal(first["wte.weight"], other["wte.weight"])


@pytest.mark.parametrize("name", LAPTOP)
def test_building_leaves_the_global_random_state_alone(name):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    build_model(PRESETS[name](), seed=1)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", LAPTOP)
def test_every_parameter_is_finite_and_trainable(name):
    for key, parameter in build_model(PRESETS[name](), seed=1).named_parameters():
        assert torch.isfinite(parameter).all(), key
        assert parameter.requires_grad, key


def test_lstm_and_gpt1_of_the_laptop_profile_have_about_as_many_parameters():
    ratio = count_parameters(build_model(lstm_laptop(), seed=0)) / count_parameters(
        build_model(gpt1_laptop(), seed=0)
    )
    assert 0.75 < ratio < 1.25


def test_forget_gates_of_the_lstm_start_open():
    config = lstm_laptop()
    bias = build_model(config, seed=0).state_dict()["rnn.bias_ih_l0"]
    expected = torch.zeros(4, config.n_hidden)
    expected[1] = 1.0
    assert torch.equal(bias.view(4, config.n_hidden), expected)


def test_non_embedding_parameters_leave_out_both_tables():
    config = gpt2_laptop_s()
    model = build_model(config, seed=0)
    tables = (config.vocab_size + config.context_length) * config.n_embd
    assert non_embedding_parameters(model) == count_parameters(model) - tables


def test_flops_of_the_lstm_are_six_per_parameter():
    assert flops_per_token(lstm_laptop()) == 6 * count_parameters(
        build_model(lstm_laptop(), seed=0)
    )
