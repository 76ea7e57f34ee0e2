import numpy as np
import pytest

from gptpath.text.duplicates.jaccard import SetsJob, jaccard, measure, write_sets
from tests.unit.text.planted import jaccard_of, write_shards

TEXTS = {"a": "one two three four", "b": "", "c": "two three four five", "d": "one"}


@pytest.fixture
def sets(tmp_path):
    [shard] = write_shards(tmp_path, TEXTS, shards=1)
    path = tmp_path / "sets.npy"
    write_sets(SetsJob(shard=shard, path=path, rows=np.array([0, 2, 3]), documents=4), n=2)
    return path


def pairs(*numbers):
    a, b = np.array(numbers).T
    return np.zeros_like(a), a, np.zeros_like(b), b


def test_pairs_have_the_jaccard_index_of_their_sets(sets):
    measured = measure([sets], pairs((0, 2), (0, 0)), least=0.0)
    assert measured.tolist() == [jaccard_of(TEXTS["a"], TEXTS["c"], 2), 1.0]


def test_documents_not_asked_for_take_no_room_and_are_like_nothing(sets):
    stored = np.load(sets)
    assert stored[:5].tolist() == [5, 8, 8, 11, 12]
    assert len(stored) == 12
    assert measure([sets], pairs((0, 1)), least=0.0).tolist() == [0.0]


def test_sizes_too_different_are_not_measured(sets):
    assert measure([sets], pairs((0, 3)), least=0.5).tolist() == [0.0]


def test_an_index_at_the_threshold_is_not_rounded_below_it():
    seven, ten = np.arange(7, dtype=np.uint64), np.arange(10, dtype=np.uint64)
    assert jaccard(seven, ten) >= 0.7
