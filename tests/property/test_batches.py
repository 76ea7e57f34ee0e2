from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gptpath.errors import TokenError
from gptpath.tokens.shards import TokenSplit
from gptpath.train.batches import Batches

CPU = torch.device("cpu")


def split_of(count):
    half = count // 2  # two shards, so that windows cross their border
    tokens = np.arange(count, dtype="<u2")
    return TokenSplit([tokens[:half], tokens[half:]], vocab_size=count, documents=1, text_bytes=1)


shapes = st.fixed_dictionaries(
    {
        "context_length": st.integers(1, 16),
        "batch_size": st.integers(1, 9),
        "seed": st.integers(0, 2**31),
    }
)


@given(shape=shapes, step=st.integers(0, 1000), earlier=st.lists(st.integers(0, 1000), max_size=4))
def test_a_batch_depends_on_seed_step_and_data_alone(shape, step, earlier):
    fresh, used = (Batches(split_of(300), **shape) for _ in range(2))
    for other in earlier:
        used.window_starts(other)
    assert fresh.window_starts(step) == used.window_starts(step)


@given(shape=shapes)
def test_an_epoch_reads_every_window_once(shape):
    batches = Batches(split_of(300), **(shape | {"batch_size": 1}))
    starts = [batches.window_starts(step)[0] for step in range(batches.windows_per_epoch)]
    length, offset = shape["context_length"], min(starts)
    assert sorted(starts) == [offset + place * length for place in range(batches.windows_per_epoch)]
    assert offset < length
    assert max(starts) + length < 300


@given(shape=shapes, steps=st.integers(1, 40))
def test_no_window_is_read_twice_more_than_another(shape, steps):
    """Over whole epochs offsets differ, so windows are told apart by their place in the split."""
    batches = Batches(split_of(300), **shape)
    length = shape["context_length"]
    starts = [start for step in range(steps) for start in batches.window_starts(step)]
    epochs = -(-len(starts) // batches.windows_per_epoch)
    counts = Counter(start // length for start in starts)
    assert max(counts.values()) <= epochs


@given(shape=shapes, step=st.integers(0, 50), data=st.data())
def test_micro_batching_leaves_the_batch_as_it_is(shape, step, data):
    batches = Batches(split_of(300), **shape)
    size = data.draw(st.integers(1, shape["batch_size"]))
    whole = list(batches.micro_batches(step, shape["batch_size"], CPU))
    parts = list(batches.micro_batches(step, size, CPU))
    for i in range(2):
        assert torch.equal(torch.cat([part[i] for part in parts]), whole[0][i])


@given(shape=shapes, step=st.integers(0, 50))
def test_targets_are_the_inputs_one_token_on(shape, step):
    batches = Batches(split_of(300), **shape)
    ((inputs, targets),) = batches.micro_batches(step, shape["batch_size"], CPU)
    assert inputs.shape == targets.shape == (shape["batch_size"], shape["context_length"])
    assert torch.equal(targets, inputs + 1)  # the split counts upwards
    assert inputs[:, 0].tolist() == batches.window_starts(step)


def test_another_seed_and_another_epoch_give_another_order():
    length, seeds = 8, (0, 1)
    first, other = (
        Batches(split_of(800), context_length=length, batch_size=50, seed=seed) for seed in seeds
    )
    assert first.window_starts(0) != other.window_starts(0)
    assert first.window_starts(0) != first.window_starts(2)


def test_a_split_shorter_than_two_contexts_is_refused():
    with pytest.raises(TokenError, match="31 tokens, fewer than two contexts of 16"):
        Batches(split_of(31), context_length=16, batch_size=1, seed=0)
    assert Batches(split_of(32), context_length=16, batch_size=1, seed=0).windows_per_epoch == 1
