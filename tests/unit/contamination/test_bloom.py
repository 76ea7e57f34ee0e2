import numpy as np
import pytest

from gptpath.contamination.bloom import FALSE_POSITIVE_RATE, BloomFilter
from gptpath.contamination.ngrams import NgramHasher


def random_hashes(seed: int, count: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64)


def test_the_default_is_sized_as_the_formula_says():
    bloom = BloomFilter(1_000_000)
    assert bloom.probes == 27
    assert bloom.bits / 1_000_000 == pytest.approx(38.34, abs=0.01)


def test_a_full_filter_keeps_its_bound():
    bloom = BloomFilter(100_000)
    bloom.add(random_hashes(0, 100_000))
    assert bloom.load**bloom.probes <= FALSE_POSITIVE_RATE * 1.1


def test_none_of_a_million_strings_that_were_not_added_is_found():
    # GPT-2 sec. 4 checks its filters the same way: a million generated strings, no hit.
    rng = np.random.default_rng(0)
    hasher = NgramHasher(8)
    added = " ".join(f"w{i}" for i in rng.integers(0, 5000, 100_000))
    asked = " ".join(f"w{i}" for i in rng.integers(0, 5000, 1_000_007))
    [members], [others] = hasher.hash_texts([added]), hasher.hash_texts([asked])
    bloom = BloomFilter(len(members))
    bloom.add(members)
    assert bloom.contains(members).all()
    assert len(others) == 1_000_000
    assert not np.isin(others, members).any()
    assert not bloom.contains(others).any()


def test_the_measured_false_positive_rate_is_the_stated_one_where_it_can_be_seen():
    bloom = BloomFilter(50_000, false_positive_rate=1e-2)
    bloom.add(random_hashes(1, 50_000))
    assert bloom.contains(random_hashes(2, 500_000)).mean() == pytest.approx(1e-2, rel=0.1)


def test_adding_twice_changes_nothing():
    bloom, again = BloomFilter(1000), BloomFilter(1000)
    members = random_hashes(3, 1000)
    bloom.add(members)
    again.add(members)
    again.add(np.concatenate([members, members]))
    assert bloom.load == again.load


def test_an_empty_filter_holds_nothing():
    assert not BloomFilter(0).contains(random_hashes(4, 1000)).any()
