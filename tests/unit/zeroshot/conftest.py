from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pytest
import tiktoken
import torch

from gptpath.config.model import ModelConfig
from gptpath.model.build import build_model
from gptpath.zeroshot.intervals import Resampling
from gptpath.zeroshot.likelihood import Likelihood, Request
from gptpath.zeroshot.results import Reporter
from gptpath.zeroshot.scoring import Scorer

PATTERN = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

CONFIGS = {
    "gpt2": ModelConfig(
        norm="pre", n_layer=2, n_head=2, n_embd=32, context_length=24, vocab_size=257
    ),
    "gpt1": ModelConfig(
        norm="post", n_layer=2, n_head=2, n_embd=32, context_length=24, vocab_size=257
    ),
    "lstm": ModelConfig(
        family="lstm", n_layer=1, n_embd=32, n_hidden=24, context_length=24, vocab_size=257
    ),
}


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def encoding() -> tiktoken.Encoding:
    return tiktoken.Encoding(
        name="bytes",
        pat_str=PATTERN,
        mergeable_ranks={bytes([b]): b for b in range(256)},
        special_tokens={"<|endoftext|>": 256},
    )


@pytest.fixture(scope="session")
def make_scorer(encoding: tiktoken.Encoding) -> Callable[..., Scorer]:
    def make(family: str = "gpt2", batch_size: int = 16) -> Scorer:
        model = build_model(CONFIGS[family], seed=3)
        with torch.no_grad():
            for parameter in model.parameters():  # far from uniform predictions
                parameter.mul_(4.0)
        return Scorer(model.eval(), encoding, batch_size=batch_size)

    return make


@pytest.fixture
def report() -> Reporter:
    return Reporter(task="task", resampling=Resampling(samples=200, seed=0))


@dataclass
class KnowingScorer:
    """Stands in for a model: `judge(context, continuation)` per byte, greedy where above -1."""

    encoding: tiktoken.Encoding
    judge: Callable[[str, str], list[float]]
    context_length: int = 24
    vocab_size: int = 257

    def log_likelihoods(self, requests: Sequence[Request]) -> list[list[Likelihood]]:
        return [[self._one(r.context, text) for text in r.continuations] for r in requests]

    def _one(self, context: str, text: str) -> Likelihood:
        log_probs = np.array(self.judge(context, text))
        return Likelihood(
            tokens=np.array(list(text.encode())), log_probs=log_probs, greedy=log_probs > -1
        )


@pytest.fixture
def knowing(encoding: tiktoken.Encoding) -> Callable[..., KnowingScorer]:
    return lambda judge: KnowingScorer(encoding=encoding, judge=judge)
