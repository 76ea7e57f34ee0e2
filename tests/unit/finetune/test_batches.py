import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from gptpath.finetune.batches import by_length, collate, epoch_order
from gptpath.finetune.transformations import Example

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=300)


def test_a_batch_is_its_sequences_end_to_end_longest_first():
    batch = collate(
        [
            Example(sequences=((5, 6, 7), (8, 9)), label=1),
            Example(sequences=((1,), (2, 3)), label=0),
        ]
    )
    assert batch.tokens_N.tolist() == [5, 6, 7, 8, 9, 2, 3, 1]
    assert batch.packing.positions_N.tolist() == [0, 1, 2, 0, 1, 0, 1, 0]
    assert batch.extracts_BS.tolist() == [[2, 4], [7, 6]]
    assert batch.labels_B.tolist() == [1, 0]
    assert batch.to(torch.device("cpu")).tokens_N.equal(batch.tokens_N)


def test_answers_that_are_not_there_have_no_extract_token():
    batch = collate(
        [
            Example(sequences=((1, 2, 9), (3, 9)), label=0),
            Example(sequences=((4, 9), (5, 9), (6, 9)), label=2),
        ]
    )
    read = [
        [batch.tokens_N[place - 1].item() for place in row if place >= 0]
        for row in (batch.extracts_BS.tolist())
    ]
    assert read == [[2, 3], [4, 5, 6]]
    assert (batch.extracts_BS < 0).tolist() == [[False, False, True], [False, False, False]]


@given(lengths=LENGTHS, batch_size=st.integers(1, 40), seed=st.integers(0, 9))
def test_every_example_occurs_once_in_an_epoch(lengths, batch_size, seed):
    order = epoch_order(lengths, batch_size, bucket_batches=8, seed=seed, epoch=1)
    assert sorted(i for batch in order for i in batch) == list(range(len(lengths)))
    assert all(len(batch) <= batch_size for batch in order)


@given(lengths=LENGTHS, batch_size=st.integers(1, 40))
def test_evaluation_batches_hold_every_example_once_in_order_of_length(lengths, batch_size):
    order = [i for batch in by_length(lengths, batch_size) for i in batch]
    assert sorted(order) == list(range(len(lengths)))
    assert [lengths[i] for i in order] == sorted(lengths)


def test_the_order_is_a_function_of_seed_and_epoch():
    lengths = [7, 3, 9, 1] * 30
    first = epoch_order(lengths, 8, bucket_batches=8, seed=1, epoch=1)
    assert epoch_order(lengths, 8, bucket_batches=8, seed=1, epoch=1) == first
    assert epoch_order(lengths, 8, bucket_batches=8, seed=1, epoch=2) != first
    assert epoch_order(lengths, 8, bucket_batches=8, seed=2, epoch=1) != first


def test_every_epoch_has_as_many_batches():
    lengths = list(range(1, 102))
    counts = {
        len(epoch_order(lengths, 8, bucket_batches=8, seed=0, epoch=epoch)) for epoch in range(5)
    }
    assert counts == {13}


def test_batches_hold_sequences_of_like_length():
    lengths = [i % 50 + 1 for i in range(8 * 8 * 4)]
    order = epoch_order(lengths, 8, bucket_batches=8, seed=0, epoch=1)
    padded = sum(len(batch) * max(lengths[i] for i in batch) for batch in order)
    assert padded < 1.2 * sum(lengths)
    wider = epoch_order(lengths, 8, bucket_batches=32, seed=0, epoch=1)
    assert sum(len(batch) * max(lengths[i] for i in batch) for batch in wider) < padded


@given(count=st.integers(1, 300), batch_size=st.integers(1, 40), bucket=st.integers(1, 9))
def test_an_epoch_has_as_many_batches_as_its_examples_need(count, batch_size, bucket):
    order = epoch_order([1] * count, batch_size, bucket_batches=bucket, seed=0, epoch=1)
    assert len(order) == math.ceil(count / batch_size)
