import numpy as np
import pytest

from gptpath.config.duplicates import Duplicates
from gptpath.text.duplicates.lsh import WINDOW, bucket_pairs, least_estimate, pack, unpack


def pairs_of(keys, next_keys):
    found = bucket_pairs(np.array(keys, np.uint64), np.array(next_keys, np.uint64))
    return set(zip(*(side.tolist() for side in unpack(found)), strict=True))


def test_pairs_are_packed_once_and_in_order():
    packed = pack(np.array([5, 2, 7, 3]), np.array([2, 5, 7, 2**32 - 1]))
    assert [side.tolist() for side in unpack(packed)] == [[2, 3], [5, 2**32 - 1]]


def test_documents_alone_in_their_bucket_have_no_candidates():
    assert pairs_of([3, 1, 2], [9, 9, 9]) == set()
    assert pairs_of([], []) == set()


def test_small_buckets_are_compared_in_full():
    size = WINDOW + 1
    keys = [7, 8] * size
    expected = {(a, b) for a in range(2 * size) for b in range(a + 1, 2 * size) if (b - a) % 2 == 0}
    assert pairs_of(keys, range(2 * size)) == expected


def test_in_large_buckets_all_members_are_linked_and_pairs_stay_few():
    size = 5000
    pairs = pairs_of([1] * size, np.random.default_rng(0).integers(0, 50, size))
    assert {(0, n) for n in range(1, size)} <= pairs
    assert len(pairs) <= (WINDOW + 2) * size


@pytest.mark.parametrize("clusters", [2, 10, 100])
def test_in_a_bucket_of_many_kinds_those_alike_in_the_next_band_are_linked(clusters):
    members = np.arange(1000)
    pairs = pairs_of([1] * 1000, members % clusters)
    assert {(n % clusters, n) for n in range(clusters, 1000)} <= pairs


def test_sketches_reject_only_what_is_clearly_no_family():
    settings = Duplicates()
    assert 0.3 < least_estimate(settings) < settings.family_threshold
