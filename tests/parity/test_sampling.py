"""What is drawn from, against transformers' logits processors, on random scores."""

import pytest
import torch
from transformers import (
    LogitsProcessorList,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from gptpath.model.sampling import Sampling


def theirs(logits_BV: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """In the order in which transformers' generate applies them."""
    processors = LogitsProcessorList([TemperatureLogitsWarper(float(sampling.temperature))])
    if sampling.top_k is not None:
        processors.append(TopKLogitsWarper(sampling.top_k))
    if sampling.top_p < 1.0:
        processors.append(TopPLogitsWarper(sampling.top_p))
    return processors(torch.zeros(len(logits_BV), 1, dtype=torch.long), logits_BV).softmax(1)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 1.7])
@pytest.mark.parametrize("top_k", [None, 1, 2, 40, 999])
@pytest.mark.parametrize("top_p", [0.05, 0.5, 0.95, 1.0])
def test_probabilities_are_those_of_transformers(temperature, top_k, top_p):
    generator = torch.Generator().manual_seed(5)
    logits_BV = 3 * torch.randn(16, 211, generator=generator)
    sampling = Sampling(temperature=temperature, top_k=top_k, top_p=top_p)
    ours, expected = sampling.probabilities(logits_BV), theirs(logits_BV, sampling)
    assert torch.equal(ours > 0, expected > 0)
    torch.testing.assert_close(ours, expected.double(), atol=1e-6, rtol=1e-5)


def test_scores_that_tie_with_the_last_of_top_k_stay_as_in_transformers():
    logits_BV = torch.tensor([[1.0, 3.0, 2.0, 2.0, 0.0]])
    sampling = Sampling(top_k=2)
    assert (sampling.probabilities(logits_BV) > 0).tolist() == [[False, True, True, True, False]]
    assert torch.equal(sampling.probabilities(logits_BV) > 0, theirs(logits_BV, sampling) > 0)


def test_choices_follow_the_probabilities():
    logits_BV = torch.tensor([[2.0, 1.0, 0.5, -1.0, 0.0]]).expand(20_000, 5)
    sampling = Sampling(temperature=0.8, top_k=4, top_p=0.9)
    draws_B = (torch.arange(20_000, dtype=torch.float64) + 0.5) / 20_000  # every part of [0, 1)
    shares = torch.bincount(sampling.choose(logits_BV, draws_B), minlength=5) / 20_000
    expected = sampling.probabilities(logits_BV[:1])[0]
    torch.testing.assert_close(shares.double(), expected, atol=1e-4, rtol=0)
