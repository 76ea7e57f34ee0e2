from types import SimpleNamespace

import numpy as np
import pytest
import torch

from gptpath.zeroshot import log_probs
from gptpath.zeroshot.log_probs import judge


def head(weight: torch.Tensor, bias: torch.Tensor | None, plain: bool) -> SimpleNamespace:
    """A model that is nothing but a head."""

    def logits(x: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(x, weight, bias)

    return SimpleNamespace(head=(weight, bias) if plain else None, logits=logits)


@pytest.mark.parametrize("plain", [True, False])
@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("count", [1, 16, 45])
def test_blocks_give_the_log_softmax_of_the_whole_vocabulary(
    monkeypatch: pytest.MonkeyPatch, plain: bool, biased: bool, count: int
) -> None:
    monkeypatch.setitem(log_probs.BLOCK, "cpu", 30)
    torch.manual_seed(0)
    weight, x = 3 * torch.randn(101, 8), torch.randn(count, 8)
    bias = torch.randn(101) if biased else None
    table = torch.nn.functional.linear(x, weight, bias)
    targets = torch.where(torch.arange(count) % 3 == 0, table.argmax(-1), torch.arange(count) % 101)
    found = judge(head(weight, bias, plain), x, np.arange(count), targets.numpy(), {})
    expected = table.log_softmax(-1).gather(-1, targets[:, None])[:, 0]
    torch.testing.assert_close(found.log_probs_T, expected, atol=1e-5, rtol=0)
    assert found.greedy_T.tolist() == (table.argmax(-1) == targets).tolist()


def test_logits_of_any_size_neither_overflow_nor_vanish() -> None:
    weight = torch.eye(40) * 1e4
    found = judge(
        head(weight, None, True), torch.eye(40)[:3], np.arange(3), np.array([0, 1, 5]), {}
    )
    assert found.log_probs_T.tolist() == [0.0, 0.0, -1e4]


def test_a_token_as_probable_as_another_is_greedy_and_a_barred_one_never() -> None:
    model = head(torch.tensor([[2.0], [2.0], [1.0]]), None, True)
    x, states, targets = torch.ones(3, 1), np.arange(3), np.array([0, 1, 2])
    assert judge(model, x, states, targets, {}).greedy_T.tolist() == [True, True, False]
    barred = {(0, 1): [0, 2]}
    assert judge(model, x, states, targets, barred).greedy_T.tolist() == [False, True, True]


@pytest.mark.parametrize("plain", [True, False])
def test_one_state_may_be_asked_for_several_tokens_in_any_order(plain: bool) -> None:
    torch.manual_seed(0)
    weight, x = torch.randn(50, 8), torch.randn(20, 8)
    states, targets = np.array([19, 3, 3, 19, 0]), np.array([7, 49, 0, 7, 20])
    found = judge(head(weight, None, plain), x, states, targets, {(7,): [19]})
    table = (x @ weight.T).log_softmax(-1)
    torch.testing.assert_close(found.log_probs_T, table[states, targets], atol=1e-5, rtol=0)
    assert not found.greedy_T[[0, 3]].any()
