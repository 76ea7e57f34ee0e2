"""Dropout stands where the papers put it: on the summed embeddings, on attention weights, and on
both residual branches; nowhere else. (GPT-1's released code drops entries of the token table.)"""

from dataclasses import replace

import pytest
import torch
from torch import nn

from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s
from gptpath.model.build import build_model

P = 0.25
CONFIGS = {"gpt1": gpt1_laptop(), "gpt2": gpt2_laptop_s()}


@pytest.fixture(params=CONFIGS)
def model(request):
    """Every branch silent, no norm: what goes in comes out, but for what a test switches on."""
    config = replace(CONFIGS[request.param], vocab_size=60, context_length=64, dropout=P)
    model = build_model(config, seed=0).train()
    with torch.no_grad():
        for block in model.h:
            block.ln_1 = block.ln_2 = nn.Identity()
            for matrix in (block.attn.c_attn, block.attn.c_proj, block.mlp.c_fc, block.mlp.c_proj):
                matrix.weight.zero_()
    model.ln_f = nn.Identity()
    torch.manual_seed(0)
    return model


def shares(values: torch.Tensor) -> dict[float, float]:
    """Different values, and how often they occur."""
    found, counts = values.round(decimals=3).unique(return_counts=True)
    return {round(float(v), 3): int(n) / values.numel() for v, n in zip(found, counts, strict=True)}


def check(values: torch.Tensor) -> None:
    """Ones went through one dropout: a share P became 0, the others 1 / (1 - P)."""
    found = shares(values)
    assert found.keys() == {0.0, round(1 / (1 - P), 3)}
    assert found[0.0] == pytest.approx(P, abs=0.03)


@torch.no_grad()
def test_the_sum_of_token_and_position_is_dropped_once(model):
    model.wte.weight.fill_(0.5)
    model.wpe.weight.fill_(0.5)
    check(model.hidden(torch.zeros(8, 64, dtype=torch.long)))


@torch.no_grad()
@pytest.mark.parametrize("branch", ["attn", "mlp"])
def test_each_residual_branch_is_dropped_once_and_the_stream_is_not(model, branch):
    getattr(model.h[0], branch).c_proj.bias.fill_(1.0)
    x = torch.full((8, 64, model.config.n_embd), 3.0)
    check(model.h[0](x, None) - x)


@torch.no_grad()
def test_attention_weights_are_dropped_and_no_value(model):
    attention = model.h[0].attn
    width, heads = model.config.n_embd, model.config.n_head
    attention.c_attn.bias[2 * width :] = 1.0  # all values are 1
    attention.c_proj.weight.copy_(torch.eye(width))
    y = attention(torch.zeros(400, 1, width), None).view(400, heads, -1)
    check(y)
    assert torch.equal(y, y[..., :1].expand_as(y))  # a weight is one for the whole head
    sums = attention(torch.zeros(400, 8, width), None)[:, -1]
    assert set(shares(sums)) <= {round(n / 8 / (1 - P), 3) for n in range(9)}
