"""What follows from the architecture alone: counts, initialisation, and where the norms stand."""

import math
from dataclasses import replace

import pytest
import torch

from gptpath.config.presets import PRESETS, gpt1_117m, gpt2_124m
from gptpath.model.build import (
    build_model,
    count_parameters,
    empty_model,
    flops_per_token,
    non_embedding_parameters,
)


@pytest.mark.parametrize(
    ("preset", "parameters"),
    [
        ("gpt1_117m", 116_534_784),
        ("lstm_2048", 55_745_792),
        ("gpt2_124m", 124_439_808),
        ("gpt2_355m", 354_823_168),
        ("gpt2_774m", 774_030_080),
        ("gpt2_1558m", 1_557_611_200),
    ],
)
def test_presets_have_the_published_models_exact_parameter_counts(preset, parameters):
    model = empty_model(PRESETS[preset]())
    assert count_parameters(model) == parameters
    assert {parameter.device.type for parameter in model.parameters()} == {"meta"}


def test_the_baseline_is_one_lstm_layer_of_2048_units():
    model = empty_model(PRESETS["lstm_2048"]())
    assert (model.rnn.num_layers, model.rnn.hidden_size) == (1, 2048)
    assert model.wte.weight.shape == (40_478, 768)


@pytest.mark.parametrize("preset", ["gpt1_117m", "gpt2_124m", "lstm_2048"])
def test_the_head_is_the_token_table(preset):
    names = [name for name, _ in empty_model(PRESETS[preset]()).named_parameters()]
    assert sum(name.startswith(("wte", "lm_head", "head")) for name in names) == 1
    small = {"n_embd": 32, "vocab_size": 60, "context_length": 8}
    model = build_model(replace(PRESETS[preset](), **small, n_head=1), seed=0).eval()
    states = torch.randn(3, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before = model.logits(states)
        model.wte.weight[7] *= 2
        after = model.logits(states)
    torch.testing.assert_close(after[:, 7], 2 * before[:, 7])
    assert torch.equal(after[:, :7], before[:, :7])


def test_blocks_of_gpt1_hold_twelve_times_7087872_parameters():
    assert non_embedding_parameters(empty_model(PRESETS["gpt1_117m"]())) == 12 * 7_087_872


@pytest.mark.parametrize(
    ("preset", "flops"),
    [("gpt2_124m", 8.55e8), ("gpt2_355m", 2.42e9), ("gpt2_774m", 5.20e9), ("gpt2_1558m", 1.028e10)],
)
def test_flops_per_token_agree_with_the_fact_sheet(preset, flops):
    assert flops_per_token(PRESETS[preset]()) == pytest.approx(flops, rel=2e-3)


def test_initial_weights_have_the_published_spreads():
    config = replace(gpt2_124m(), n_layer=3, n_head=3, n_embd=192, vocab_size=2048)
    state = build_model(config, seed=0).state_dict()
    residual = 0.02 / math.sqrt(2 * config.n_layer)
    expected = {
        "wte.weight": 0.02,
        "wpe.weight": 0.01,
        "h.0.attn.c_attn.weight": 0.02,
        "h.1.mlp.c_fc.weight": 0.02,
        "h.0.attn.c_proj.weight": residual,
        "h.2.mlp.c_proj.weight": residual,
    }
    for name, std in expected.items():
        assert state[name].std().item() == pytest.approx(std, rel=0.03), name
        assert abs(state[name].mean().item()) < 5 * std / math.sqrt(state[name].numel()), name


def test_gpt1_starts_with_the_same_spread_everywhere():
    state = build_model(
        replace(gpt1_117m(), n_layer=3, n_head=3, n_embd=192, vocab_size=2048), seed=0
    ).state_dict()
    for name, tensor in state.items():
        if tensor.dim() == 2:
            assert tensor.std().item() == pytest.approx(0.02, rel=0.03), name


@pytest.mark.parametrize("preset", ["gpt1_laptop", "gpt2_laptop_s"])
def test_gains_start_at_one_and_biases_at_zero(preset):
    for name, tensor in build_model(PRESETS[preset](), seed=0).state_dict().items():
        if tensor.dim() == 1:
            expected = 1.0 if ".ln_" in f".{name}" and name.endswith("weight") else 0.0
            assert (tensor == expected).all(), name


def test_only_the_pre_norm_model_ends_with_a_norm():
    assert "ln_f.weight" in build_model(PRESETS["gpt2_laptop_s"](), seed=0).state_dict()
    assert "ln_f.weight" not in build_model(PRESETS["gpt1_laptop"](), seed=0).state_dict()


def test_first_loss_of_a_fresh_model_is_near_that_of_a_uniform_guess():
    torch.manual_seed(0)
    tokens = torch.randint(0, 2048, (4, 65))
    for preset in ("gpt1_laptop", "gpt2_laptop_l", "lstm_laptop"):
        model = build_model(replace(PRESETS[preset](), init_std=0.02), seed=0).eval()
        with torch.no_grad():
            logits = model(tokens[:, :-1])
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        assert loss.item() == pytest.approx(math.log(2048), abs=0.1), preset
