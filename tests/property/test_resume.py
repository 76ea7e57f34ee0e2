"""A run broken off anywhere, any number of times, is the run never broken off, to the bit."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gptpath.config.params import Recipe
from gptpath.config.presets import gpt1_laptop
from gptpath.events import ignore
from gptpath.model.build import build_model
from gptpath.tokens.shards import TokenSplit
from gptpath.train.batches import Batches
from gptpath.train.loop import Trainer
from gptpath.train.stopping import StopRequested, StopSignal
from gptpath.train.validation import Validation

CONFIG = replace(
    gpt1_laptop(), vocab_size=40, n_layer=1, n_head=1, n_embd=8, context_length=8, dropout=0.2
)
RECIPE = Recipe(
    steps=9,
    batch_size_sequences=2,
    learning_rate=1e-2,
    warmup_steps=2,
    log_every_steps=2,
    validate_every_steps=3,
    checkpoint_every_steps=4,
    published_checkpoints=2,
)
TOKENS = np.random.default_rng(0).integers(0, 40, size=90).astype("<u2")


class Deadline(StopSignal):
    """Asks for a stop at its `checks`-th check; None never does."""

    def __init__(self, checks: int | None) -> None:
        super().__init__()
        self.checks = checks

    def check(self) -> None:
        if self.checks is not None:
            self.checks -= 1
            if self.checks < 0:
                raise StopRequested(15)


def trainer_in(folder: str, checks: int | None) -> Trainer:
    split = TokenSplit([TOKENS], vocab_size=40, documents=1, text_bytes=90)
    return Trainer(
        model=build_model(CONFIG, seed=1),
        recipe=RECIPE,
        batches=Batches(split, context_length=8, batch_size=2, seed=1),
        validation=Validation(
            split=split, token_bytes=np.ones(40, np.int64), batch_size=6, precision="float32"
        ),
        seed=1,
        precision="float32",
        compile=False,
        scratch=Path(folder),
        stop=Deadline(checks),
        emit=ignore,
    )


@pytest.fixture(scope="module")
def unbroken():
    with tempfile.TemporaryDirectory() as folder:
        trainer = trainer_in(folder, None)
        return trainer.run(), trainer


@settings(max_examples=15, deadline=None)
@given(stops=st.lists(st.integers(0, 12), max_size=4))
def test_resuming_equals_never_having_stopped(unbroken, stops):
    score, whole = unbroken
    with tempfile.TemporaryDirectory() as folder:
        for checks in stops:
            trainer = trainer_in(folder, checks)
            try:
                trainer.run()
            except StopRequested:
                assert trainer.step <= RECIPE.steps
        last = trainer_in(folder, None)
        assert last.run() == score
    assert last.history == whole.history
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(last.model.state_dict()[name], tensor), name
