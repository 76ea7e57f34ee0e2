from dataclasses import replace

import pytest
import torch

from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s, lstm_laptop
from gptpath.model.build import build_model

CONFIGS = {"gpt1": gpt1_laptop(), "gpt2": gpt2_laptop_s(), "lstm": lstm_laptop()}


@pytest.fixture(params=CONFIGS)
def config(request):
    return replace(CONFIGS[request.param], vocab_size=60, context_length=16)


@pytest.fixture
def tokens():
    return torch.randint(0, 60, (2, 16), generator=torch.Generator().manual_seed(0))


def test_forward_is_the_head_on_the_hidden_states_of_the_embeddings(config, tokens):
    model = build_model(config, seed=0).eval()
    hidden = model.hidden_from_embeddings(model.embeddings(tokens))
    assert hidden.shape == (2, 16, config.n_embd)
    assert torch.equal(model.hidden(tokens), hidden)
    assert torch.equal(model(tokens), model.logits(hidden))
    assert torch.equal(model.logits(hidden), hidden @ model.wte.weight.t())


def test_dropout_acts_in_training_and_not_in_evaluation(config, tokens):
    model = build_model(replace(config, dropout=0.5), seed=0)
    assert not torch.equal(model.train()(tokens), model(tokens))
    assert torch.equal(model.eval()(tokens), model(tokens))


def test_without_dropout_training_and_evaluation_agree(config, tokens):
    model = build_model(config, seed=0)
    assert torch.equal(model.train()(tokens), model.eval()(tokens))


def test_right_padding_does_not_touch_earlier_positions(config, tokens):
    model = build_model(config, seed=0).eval()
    padded = tokens.clone()
    padded[:, 9:] = 0
    torch.testing.assert_close(model(padded)[:, :9], model(tokens[:, :9]), atol=1e-5, rtol=1e-5)


def test_order_of_the_past_matters(config, tokens):
    model = build_model(replace(config, init_std=0.2, position_init_std=0.2), seed=0).eval()
    swapped = tokens.clone()
    swapped[:, [0, 1]] = tokens[:, [1, 0]]
    assert not torch.allclose(model(swapped)[:, -1], model(tokens)[:, -1], atol=1e-6)
