"""Fifty steps of each architecture on made-up tokens, against a committed curve.

A refactoring leaves the curve as it is. A change that is meant to change numbers rewrites it in the
same commit, with the reason: `python tests/unit/model/test_golden_loss.py`.
"""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gptpath.config.params import Recipe
from gptpath.config.presets import gpt1_laptop, gpt2_laptop_s, lstm_laptop
from gptpath.model.build import build_model
from gptpath.model.loss import next_token_loss
from gptpath.tokens.shards import TokenSplit
from gptpath.train.batches import Batches
from gptpath.train.optimiser import build_optimiser
from gptpath.train.schedule import learning_rate

GOLDEN = Path(__file__).with_name("golden_loss.json")
TOLERANCE = 1e-3
"""Nats; processors differ in the order of their sums, and 50 steps amplify that a little."""

CONFIGS = {"gpt1": gpt1_laptop(), "gpt2": gpt2_laptop_s(), "lstm": lstm_laptop()}
RECIPE = Recipe(
    steps=50,
    batch_size_sequences=4,
    learning_rate=3e-3,
    min_learning_rate_fraction=0.1,
    warmup_steps=5,
    weight_decay=0.1,
)


def loss_curve(name: str) -> list[float]:
    config = replace(CONFIGS[name], vocab_size=128, context_length=32, init_std=0.02)
    walk = np.cumsum(np.random.default_rng(0).integers(0, 4, size=5000)) % 128
    split = TokenSplit([walk.astype("<u2")], vocab_size=128, documents=1, text_bytes=5000)
    batches = Batches(split, context_length=32, batch_size=4, seed=0)
    model = build_model(config, seed=0).train()
    optimiser = build_optimiser(model, RECIPE)
    losses = []
    for step in range(RECIPE.steps):
        ((tokens, targets),) = batches.micro_batches(step, 4, torch.device("cpu"))
        loss = next_token_loss(model, tokens, targets)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, RECIPE)
        optimiser.step()
        optimiser.zero_grad()
        losses.append(round(loss.item(), 6))
    return losses


@pytest.mark.parametrize("name", CONFIGS)
def test_the_loss_curve_is_the_committed_one(name):
    assert loss_curve(name) == pytest.approx(json.loads(GOLDEN.read_text())[name], abs=TOLERANCE)


@pytest.mark.parametrize("name", CONFIGS)
def test_the_committed_curve_falls(name):
    curve = json.loads(GOLDEN.read_text())[name]
    assert len(curve) == 50
    assert curve[-1] < curve[0] - 0.5


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: loss_curve(name) for name in CONFIGS}, indent=1) + "\n")
