"""A tiny corpus of bytes, and runs on it."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from gptpath.config.params import Recipe
from gptpath.config.presets import gpt2_laptop_s
from gptpath.events import ignore
from gptpath.model.build import build_model
from gptpath.tokens.shards import TokenSplit
from gptpath.train.batches import Batches
from gptpath.train.loop import Trainer
from gptpath.train.parallel import ALONE
from gptpath.train.stopping import StopSignal
from gptpath.train.validation import Validation

CONFIG = replace(gpt2_laptop_s(), vocab_size=64, n_embd=32, context_length=16, init_std=0.02)
RECIPE = Recipe(
    steps=20,
    batch_size_sequences=4,
    learning_rate=3e-3,
    warmup_steps=4,
    log_every_steps=5,
    validate_every_steps=10,
    checkpoint_every_steps=8,
    published_checkpoints=3,
)


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def split():
    """A sequence that can be learned: each token is the one before it plus 0, 1 or 2."""
    steps = np.random.default_rng(0).integers(0, 3, size=3000)
    tokens = (np.cumsum(steps) % 64).astype("<u2")
    return TokenSplit([tokens], vocab_size=64, documents=3, text_bytes=3000)


@pytest.fixture
def make_trainer(split, tmp_path):
    def make(
        folder="scratch",
        *,
        config=CONFIG,
        stop=None,
        emit=ignore,
        parallel=ALONE,
        device="cpu",
        **changes,
    ):
        recipe = replace(RECIPE, **changes)
        return Trainer(
            model=build_model(config, seed=7).to(device),
            recipe=recipe,
            batches=Batches(
                split,
                context_length=config.context_length,
                batch_size=recipe.batch_size_sequences,
                seed=7,
            ),
            validation=Validation(
                split=split,
                token_bytes=np.ones(64, dtype=np.int64),
                batch_size=4,
                precision="float32",
            ),
            seed=7,
            precision="float32",
            compile=False,
            scratch=tmp_path / folder,
            stop=stop or StopSignal(),
            emit=emit,
            parallel=parallel,
        )

    return make


class StopAfter(StopSignal):
    """Asks for a stop at the given check."""

    def __init__(self, checks):
        super().__init__()
        self.checks = checks

    def check(self):
        self.checks -= 1
        if self.checks < 0:
            self.tell(15)
        super().check()


@pytest.fixture
def stop_after():
    assert threading.current_thread() is threading.main_thread()
    return StopAfter
