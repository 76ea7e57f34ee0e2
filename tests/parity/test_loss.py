"""The chunked loss against torch's own cross-entropy on whole logits."""

import pytest
import torch
import torch.nn.functional as F

from gptpath.config.presets import gpt2_laptop_s, lstm_laptop
from gptpath.model import loss as loss_module
from gptpath.model.build import build_model
from gptpath.model.device import autocast
from gptpath.model.loss import linear_cross_entropy, next_token_loss, token_log_probs


@pytest.fixture(autouse=True)
def _several_chunks_with_a_ragged_end(monkeypatch):
    monkeypatch.setattr(loss_module, "_CPU_CHUNK_LOGITS", 2048 * 100)


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    window = torch.randint(0, 2048, (4, 129), generator=generator)
    return window[:, :-1], window[:, 1:]


@pytest.mark.parametrize("config", [gpt2_laptop_s(), lstm_laptop()], ids=["transformer", "lstm"])
def test_loss_and_gradients_equal_those_of_whole_logits(config, batch):
    tokens, targets = batch
    model = build_model(config, seed=3)
    ours = next_token_loss(model, tokens, targets)
    ours.backward()
    grads = {name: parameter.grad.clone() for name, parameter in model.named_parameters()}
    model.zero_grad()
    whole = F.cross_entropy(model(tokens).flatten(0, 1), targets.flatten())
    whole.backward()
    torch.testing.assert_close(ours, whole, atol=1e-5, rtol=1e-6)
    for name, parameter in model.named_parameters():
        difference = (grads[name] - parameter.grad).norm() / parameter.grad.norm()
        assert difference < 1e-4, name


def test_weights_give_the_weighted_sum_and_its_gradient():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(250, 16, generator=generator, requires_grad=True)
    table = torch.randn(2048, 16, generator=generator, requires_grad=True)
    targets = torch.randint(0, 2048, (250,), generator=generator)
    weights = torch.rand(250, generator=generator) * (torch.arange(250) % 3 > 0)
    (3 * linear_cross_entropy(x, table, targets, weights)).backward()
    grads = (x.grad, table.grad)
    x.grad = table.grad = None
    expected = (F.cross_entropy(x @ table.t(), targets, reduction="none") * weights).sum()
    (3 * expected).backward()
    torch.testing.assert_close(grads[0], x.grad, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(grads[1], table.grad, atol=1e-4, rtol=1e-4)


def test_token_log_probs_are_the_log_softmax_at_the_targets(batch):
    tokens, targets = batch
    model = build_model(gpt2_laptop_s(), seed=3).eval()
    with torch.no_grad():
        expected = model(tokens).log_softmax(-1).gather(2, targets[..., None]).squeeze(2)
        torch.testing.assert_close(
            token_log_probs(model, tokens, targets), expected, atol=1e-5, rtol=1e-5
        )


def test_huge_logits_stay_finite():
    x = torch.full((3, 4), 200.0, requires_grad=True)
    table = torch.eye(4) * 100
    value = linear_cross_entropy(x * torch.tensor([1.0, 0, 0, 0]), table, torch.tensor([0, 1, 2]))
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(x.grad).all()


@pytest.mark.parametrize("config", [gpt2_laptop_s(), lstm_laptop()], ids=["transformer", "lstm"])
def test_bfloat16_is_near_float32_and_keeps_float32_gradients(config, batch):
    model = build_model(config, seed=3)
    exact = next_token_loss(model, *batch)
    exact.backward()
    expected = model.wte.weight.grad.clone()
    model.zero_grad()
    with autocast(torch.device("cpu"), "bfloat16"):
        loss = next_token_loss(model, *batch)
        log_probs = token_log_probs(model, *batch)
    loss.backward()
    assert loss.dtype == log_probs.dtype == model.wte.weight.grad.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=1e-3)
    assert -log_probs.mean().item() == pytest.approx(exact.item(), rel=1e-3)
    assert (model.wte.weight.grad - expected).norm() / expected.norm() < 0.02


def test_logits_are_multiplied_in_the_precision_of_autocast():
    seen = []

    def gradient(logits, *others):
        seen.append(logits.dtype)
        return loss_module.logit_gradient(logits, *others)

    x, table = torch.randn(8, 16, requires_grad=True), torch.randn(32, 16, requires_grad=True)
    with autocast(torch.device("cpu"), "bfloat16"):
        linear_cross_entropy(x, table, torch.arange(8), gradient=gradient).backward()
    linear_cross_entropy(x, table, torch.arange(8), gradient=gradient)
    assert set(seen[:-1]) == {torch.bfloat16}
    assert seen[-1] == torch.float32
    assert x.grad.dtype == table.grad.dtype == torch.float32
