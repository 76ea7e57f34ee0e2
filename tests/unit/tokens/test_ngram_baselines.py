import math

import numpy as np
import pytest

from gptpath.tokens import ngram_baselines
from gptpath.tokens.ngram_baselines import measure_baselines
from gptpath.tokens.shards import TokenSplit

END = 9


def split(stream, vocab_size: int = 10, text_bytes: int = 100) -> TokenSplit:
    tokens = np.asarray(stream, dtype=np.uint16)
    return TokenSplit([tokens], vocab_size=vocab_size, documents=1, text_bytes=text_bytes)


def by_hand(train: list[int], validation: list[int], weight: float) -> tuple[float, float]:
    """Nats of unigram and bigram, token by token."""
    pairs = list(zip([END, *train[:-1]], train, strict=True))
    unigram = bigram = 0.0
    for before, after in zip([END, *validation[:-1]], validation, strict=True):
        p_uni = (train.count(after) + 1) / (len(train) + 10)
        seen = sum(a == before for a, _ in pairs)
        p_bi = pairs.count((before, after)) / seen if seen else 0.0
        unigram -= math.log(p_uni)
        bigram -= math.log(weight * p_bi + (1 - weight) * p_uni)
    return unigram, bigram


def test_losses_are_those_of_counting_by_hand(rng, monkeypatch):
    train = [int(t) for t in rng.integers(0, 10, 600)]
    validation = [int(t) for t in rng.integers(0, 10, 80)]
    monkeypatch.setattr(ngram_baselines, "_tune", lambda *_: 0.3)
    scores = measure_baselines(split(train), split(validation), end_of_text=END)
    for name, nats in zip(("unigram", "bigram"), by_hand(train, validation, 0.3), strict=True):
        assert scores[name].loss == pytest.approx(nats / 80)
        assert scores[name].bpb == pytest.approx(nats / math.log(2) / 100)


def test_on_text_with_an_order_the_bigram_wins_and_on_noise_it_falls_back(rng):
    ordered = np.arange(4000) % 9
    scores = measure_baselines(split(ordered), split(ordered[:500]), end_of_text=END)
    assert scores["bigram"].loss < 0.05 < 1.5 < scores["unigram"].loss
    noise = rng.integers(0, 9, 4000)
    scores = measure_baselines(split(noise), split(rng.integers(0, 9, 500)), end_of_text=END)
    assert abs(scores["bigram"].loss - scores["unigram"].loss) < 0.1


def test_tokens_never_seen_in_training_have_a_finite_loss():
    scores = measure_baselines(split([1, 2] * 200), split([7, 8, 9]), end_of_text=END)
    assert all(math.isfinite(score.loss) for score in scores.values())


def test_counting_in_chunks_changes_nothing(rng, monkeypatch):
    train, validation = split(rng.integers(0, 10, 1000)), split(rng.integers(0, 10, 333))
    whole = measure_baselines(train, validation, end_of_text=END)
    monkeypatch.setattr(ngram_baselines, "CHUNK_TOKENS", 101)
    chunked = measure_baselines(train, validation, end_of_text=END)
    for name in whole:
        assert chunked[name].loss == pytest.approx(whole[name].loss, rel=1e-12)


def test_a_vocabulary_of_fifty_thousand_needs_no_table_of_all_pairs(rng):
    train = split(rng.integers(0, 50_257, 5000), vocab_size=50_257)
    scores = measure_baselines(train, split([1, 50_256], vocab_size=50_257), end_of_text=50_256)
    assert scores["unigram"].loss == pytest.approx(math.log(50_257), abs=1.5)
