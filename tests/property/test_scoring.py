import numpy as np
import pytest
import tiktoken
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gptpath.config.model import ModelConfig
from gptpath.model.build import build_model
from gptpath.zeroshot.likelihood import Request
from gptpath.zeroshot.scoring import Scorer

TEXTS = st.text(alphabet="ab c", max_size=24)
REQUESTS = st.lists(
    st.builds(
        Request,
        context=TEXTS,
        continuations=st.lists(TEXTS.map(lambda t: " x" + t), min_size=1, max_size=3).map(tuple),
    ),
    max_size=8,
)


@pytest.fixture(scope="module")
def scorer() -> Scorer:
    torch.set_num_threads(1)
    encoding = tiktoken.Encoding(
        name="bytes",
        pat_str=r" ?\p{L}+|\s+(?!\S)|\s+",
        mergeable_ranks={bytes([b]): b for b in range(256)},
        special_tokens={"<|endoftext|>": 256},
    )
    config = ModelConfig(n_layer=1, n_head=2, n_embd=16, context_length=16, vocab_size=257)
    return Scorer(build_model(config, seed=0).eval(), encoding, batch_size=5)


@settings(deadline=None, max_examples=40)
@given(requests=REQUESTS)
def test_every_token_of_every_continuation_is_scored_once(
    scorer: Scorer, requests: list[Request]
) -> None:
    found = scorer.log_likelihoods(requests)
    for request, likelihoods in zip(requests, found, strict=True):
        context = request.context.rstrip()
        moved = request.context[len(context) :] if context else ""
        for text, likelihood in zip(request.continuations, likelihoods, strict=True):
            assert bytes(likelihood.tokens.tolist()).decode() == moved + text
            assert likelihood.log_probs.shape == likelihood.greedy.shape == likelihood.tokens.shape
            assert (likelihood.log_probs <= 0).all()


@settings(deadline=None, max_examples=40)
@given(count=st.integers(1, 70), stride=st.integers(1, 16))
def test_rolling_windows_cover_every_token_once_in_order(
    scorer: Scorer, count: int, stride: int
) -> None:
    tokens = np.random.default_rng(count).integers(0, 257, count)
    found = scorer.rolling(tokens, stride=stride)
    assert found.tokens.tolist() == tokens.tolist()
    assert np.isfinite(found.log_probs).all()
