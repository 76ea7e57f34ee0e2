"""Compiled training against eager: the same loss and gradients, and repeatable to the bit."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s
from gptpath.model.attention import causal_attention
from gptpath.model.build import build_model
from gptpath.model.loss import linear_cross_entropy, logit_gradient, next_token_loss
from gptpath.train import compile
from gptpath.train.compile import fused_logit_gradient, training_loss

pytestmark = pytest.mark.filterwarnings("ignore")  # torch warns itself while it compiles

SHAPE = {"n_layer": 2, "n_head": 2, "n_embd": 32, "vocab_size": 97, "context_length": 80}
WINDOW = torch.randint(97, (3, 81), generator=torch.Generator().manual_seed(1))
BATCH = WINDOW[:, :-1], WINDOW[:, 1:]


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return ((found - expected).norm() / expected.norm()).item()


def gradients(model, loss):
    model.zero_grad()
    value = loss(model, *BATCH)
    value.backward()
    return value.detach(), {name: p.grad.clone() for name, p in model.named_parameters()}


@pytest.mark.slow
@pytest.mark.parametrize("onednn", [True, False], ids=["onednn", "blas"])
@pytest.mark.parametrize("preset", [gpt1_laptop, gpt2_laptop_s], ids=["post", "pre"])
def test_compiled_loss_and_gradients_equal_eager_ones_and_repeat(preset, onednn, monkeypatch):
    monkeypatch.setattr(compile, "faster_than_blas", lambda: onednn)
    model = build_model(replace(preset(), **SHAPE, init_std=0.2), seed=3).train()
    expected, eager = gradients(model, next_token_loss)
    loss = training_loss(model, compile=True)
    value, compiled = gradients(model, loss)
    torch.testing.assert_close(value, expected, atol=1e-5, rtol=1e-5)
    for name, gradient in compiled.items():
        assert relative(gradient, eager[name]) < 1e-4, name
    assert any(not torch.equal(compiled[name], eager[name]) for name in eager)  # it was compiled
    again, repeated = gradients(model, loss)
    assert torch.equal(again, value)
    assert all(torch.equal(repeated[name], compiled[name]) for name in compiled)


@pytest.mark.slow
def test_compiled_blocks_serve_training_alone():
    model = build_model(replace(gpt2_laptop_s(), **SHAPE), seed=3)
    names, tokens = list(model.state_dict()), BATCH[0]
    with torch.no_grad():
        expected = model(tokens)
        training_loss(model, compile=True)
        assert torch.equal(model(tokens), expected)
    assert list(model.state_dict()) == names


def test_without_a_compiler_training_stays_eager_and_says_so(monkeypatch, caplog):
    def no_compiler(*_, **__):
        raise RuntimeError("no g++\nand a long trace")

    monkeypatch.setattr(torch, "compile", no_compiler)
    model = build_model(replace(gpt2_laptop_s(), **SHAPE), seed=3)
    assert training_loss(model, compile=True) is next_token_loss
    assert "RuntimeError: no g++); training goes on without it" in caplog.text


@pytest.mark.parametrize(("length", "heads"), [(1, 1), (63, 2), (64, 4), (65, 2), (200, 4)])
def test_attention_in_blocks_equals_the_whole_one(length, heads):
    generator = torch.Generator().manual_seed(length)
    qkv = torch.randn(2, length, 3 * 32, generator=generator, requires_grad=True)
    upstream = torch.randn(2, length, 32, generator=generator)
    ours = causal_attention(qkv, heads)
    ours.backward(upstream)
    gradient, qkv.grad = qkv.grad, None
    q, k, v = (x.view(2, length, heads, -1).transpose(1, 2) for x in qkv.split(32, 2))
    whole = torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    whole = whole.transpose(1, 2).reshape(2, length, 32)
    whole.backward(upstream)
    torch.testing.assert_close(ours, whole, atol=1e-6, rtol=1e-5)
    assert relative(gradient, qkv.grad) < 1e-5


@pytest.mark.parametrize("gradient", [logit_gradient, fused_logit_gradient])
def test_padding_of_the_vocabulary_is_never_seen(gradient):
    """Every true logit is far below the 0 that a padded row of zeros would give."""
    generator = np.random.default_rng(0)
    x = torch.tensor(generator.random((50, 8)), dtype=torch.float32, requires_grad=True)
    table = torch.tensor(-5 - generator.random((97, 8)), dtype=torch.float32, requires_grad=True)
    targets = torch.tensor(generator.integers(0, 97, 50))
    found = {}
    for multiple in (1, 64, 128):
        x.grad = table.grad = None
        value = linear_cross_entropy(x, table, targets, gradient=gradient, multiple=multiple)
        value.backward()
        found[multiple] = value.detach(), x.grad, table.grad
    whole = torch.nn.functional.cross_entropy(x @ table.t(), targets)
    torch.testing.assert_close(found[1][0], whole.detach())
    for multiple in (64, 128):
        assert found[multiple][2].shape == (97, 8)
        for padded, plain in zip(found[multiple], found[1], strict=True):
            torch.testing.assert_close(padded, plain, atol=1e-6, rtol=1e-5)
