"""Our likelihoods against transformers' GPT2LMHeadModel with the same weights, to 1e-4."""

import numpy as np
import pytest
import tiktoken
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from gptpath.config.model import ModelConfig
from gptpath.model.folder import load_weights
from gptpath.model.interop import from_gpt2
from gptpath.model.transformer import Transformer
from gptpath.zeroshot.likelihood import Request
from gptpath.zeroshot.scoring import Scorer

CONTEXT = 32
END_OF_TEXT = 256


@pytest.fixture(scope="module")
def theirs() -> GPT2LMHeadModel:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=257, n_positions=CONTEXT, n_embd=32, n_layer=2, n_head=2, initializer_range=0.3
    )
    return GPT2LMHeadModel(config).eval()


@pytest.fixture(scope="module")
def scorer(theirs: GPT2LMHeadModel) -> Scorer:
    config = ModelConfig(
        norm="pre", n_layer=2, n_head=2, n_embd=32, context_length=CONTEXT, vocab_size=257
    )
    model = Transformer(config).eval()
    load_weights(model, from_gpt2(theirs.state_dict()), where="a random GPT-2")
    encoding = tiktoken.Encoding(
        name="bytes",
        pat_str=r" ?\p{L}+|\s+(?!\S)|\s+|[^\s\p{L}]+",
        mergeable_ranks={bytes([b]): b for b in range(256)},
        special_tokens={"<|endoftext|>": END_OF_TEXT},
    )
    return Scorer(model, encoding, batch_size=4)


def their_log_probs(theirs: GPT2LMHeadModel, inputs: list[int], targets: list[int]) -> list[float]:
    with torch.no_grad():
        table = theirs(torch.tensor([inputs])).logits[0].log_softmax(-1)
    places = range(len(inputs) - len(targets), len(inputs))
    return [float(table[place, target]) for place, target in zip(places, targets, strict=True)]


@pytest.mark.parametrize("context", ["", "a", "some words", "much more than fits into " * 3])
def test_continuation_log_likelihoods_equal_those_of_transformers(
    theirs: GPT2LMHeadModel, scorer: Scorer, context: str
) -> None:
    texts = (" first", " the second one", " x")
    [together] = scorer.log_likelihoods([Request(context=context, continuations=texts)])
    ids = list(context.rstrip().encode()) or [END_OF_TEXT]
    spaces = context[len(context.rstrip()) :]
    longest = max(len(spaces + text) for text in texts)
    for text, found in zip(texts, together, strict=True):
        targets = list((spaces + text).encode())
        inputs = [*ids[-(CONTEXT + 1 - longest) :], *targets][:-1]
        expected = their_log_probs(theirs, inputs, targets)
        np.testing.assert_allclose(found.log_probs, expected, atol=1e-4)
        assert found.total == pytest.approx(sum(expected), abs=1e-4)


def test_rolling_log_likelihoods_equal_those_of_transformers(
    theirs: GPT2LMHeadModel, scorer: Scorer
) -> None:
    tokens = np.random.default_rng(0).integers(0, 256, 3 * CONTEXT + 5)
    found = scorer.rolling(tokens)
    whole = [END_OF_TEXT, *tokens.tolist()]
    expected: list[float] = []
    for start in range(1, len(whole), CONTEXT):
        stop = min(start + CONTEXT, len(whole))
        inputs = whole[max(0, stop - 1 - CONTEXT) : stop - 1]
        expected += their_log_probs(theirs, inputs, whole[start:stop])
    np.testing.assert_allclose(found.log_probs, expected, atol=1e-4)
