import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from gptpath.config.presets import gpt2_laptop_s
from gptpath.errors import TokenError
from gptpath.model.build import build_model
from gptpath.tokens.shards import TokenSplit
from gptpath.train.validation import Score, Validation

CONFIG = replace(gpt2_laptop_s(), vocab_size=32, context_length=8, init_std=0.3)


def nothing():
    pass


def validation_of(tokens, *, batch_size=3, token_bytes=None):
    array = np.array(tokens, dtype="<u2")
    split = TokenSplit([array], vocab_size=32, documents=1, text_bytes=1)
    lengths = np.arange(32) if token_bytes is None else token_bytes
    return Validation(split=split, token_bytes=lengths, batch_size=batch_size, precision="float32")


@pytest.fixture
def tokens():
    return np.random.default_rng(0).integers(1, 32, size=70).tolist()


@torch.no_grad()
def by_hand(model, tokens):
    """Each token after the first, predicted once from what precedes it in its window."""
    log_probs = []
    for position in range(1, len(tokens)):
        start = (position - 1) // 8 * 8
        logits = model(torch.tensor([tokens[start:position]]))[0, -1]
        log_probs.append(logits.double().log_softmax(0)[tokens[position]].item())
    return -sum(log_probs)


@pytest.mark.parametrize("count", [2, 8, 9, 10, 17, 70])
def test_every_token_after_the_first_counts_once(tokens, count):
    model = build_model(CONFIG, seed=0)
    score = validation_of(tokens[:count]).measure(model, tokens=None, between=nothing)
    nats = by_hand(model, tokens[:count])
    assert score.tokens == count - 1
    assert score.loss == pytest.approx(nats / (count - 1), rel=1e-5)
    assert score.bpb == pytest.approx(nats / math.log(2) / sum(tokens[1:count]), rel=1e-5)


def test_a_limit_measures_the_beginning(tokens):
    model = build_model(CONFIG, seed=0)
    limited = validation_of(tokens).measure(model, tokens=20, between=nothing)
    beginning = validation_of(tokens[:21]).measure(model, tokens=None, between=nothing)
    assert limited == beginning


def test_the_batch_size_does_not_change_the_score(tokens):
    model = build_model(CONFIG, seed=0)
    one, five = (
        validation_of(tokens, batch_size=size).measure(model, tokens=None, between=nothing)
        for size in (1, 5)
    )
    assert one.loss == pytest.approx(five.loss, rel=1e-6)


def test_dropout_is_off_while_measuring_and_on_again_afterwards(tokens):
    model = build_model(replace(CONFIG, dropout=0.5), seed=0).train()
    scores = {validation_of(tokens).measure(model, tokens=None, between=nothing).loss}
    scores.add(validation_of(tokens).measure(model, tokens=None, between=nothing).loss)
    assert len(scores) == 1
    assert model.training


def test_measuring_can_be_broken_off(tokens):
    def stop():
        raise SystemExit(143)

    with pytest.raises(SystemExit):
        validation_of(tokens).measure(build_model(CONFIG, seed=0), tokens=None, between=stop)


def test_a_split_without_predictions_is_refused():
    with pytest.raises(TokenError, match="1 tokens, expected at least 2"):
        validation_of([3]).measure(build_model(CONFIG, seed=0), tokens=None, between=nothing)


def test_perplexity_is_the_exponential_of_the_loss():
    assert Score(loss=math.log(50), bpb=1.0, tokens=1).perplexity == pytest.approx(50)
