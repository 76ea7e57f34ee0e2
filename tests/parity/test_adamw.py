"""Our optimiser against a plain transcription of Loshchilov and Hutter's Algorithm 2."""

import pytest
import torch
from torch import nn

from gptpath.config.params import Recipe
from gptpath.train.optimiser import build_optimiser

RECIPE = Recipe(
    steps=10,
    batch_size_sequences=1,
    learning_rate=0.05,
    warmup_steps=0,
    beta1=0.9,
    beta2=0.95,
    weight_decay=0.1,
)


def test_updates_equal_those_of_the_paper_with_decay_on_matrices_alone():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Embedding(7, 5), nn.Linear(5, 3), nn.LayerNorm(3))
    start = {name: parameter.detach().double() for name, parameter in model.named_parameters()}
    optimiser = build_optimiser(model, RECIPE)
    moments = {name: (torch.zeros_like(p), torch.zeros_like(p)) for name, p in start.items()}
    expected = start
    for t in range(1, 8):
        gradients = {name: torch.randn_like(p) for name, p in model.named_parameters()}
        for name, parameter in model.named_parameters():
            parameter.grad = gradients[name]
        optimiser.step()
        for name, value in expected.items():
            g = gradients[name].double()
            m = 0.9 * moments[name][0] + 0.1 * g
            v = 0.95 * moments[name][1] + 0.05 * g**2
            moments[name] = (m, v)
            step = (m / (1 - 0.9**t)) / ((v / (1 - 0.95**t)).sqrt() + 1e-8)
            decay = 0.1 * value if value.dim() > 1 else 0.0
            expected[name] = value - 0.05 * (step + decay)
    for name, parameter in model.named_parameters():
        torch.testing.assert_close(
            parameter.detach().double(), expected[name], atol=1e-6, rtol=1e-5
        )


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_gains_and_biases_never_decay(decay):
    model = nn.LayerNorm(4)
    optimiser = build_optimiser(model, RECIPE)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    assert torch.equal(model.weight.detach(), torch.ones(4))
