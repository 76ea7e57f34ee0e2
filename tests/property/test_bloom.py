import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gptpath.contamination.bloom import BloomFilter

HASHES = st.lists(st.integers(0, 2**64 - 1), max_size=200).map(
    lambda values: np.array(values, dtype=np.uint64)
)


@given(members=HASHES)
def test_a_member_is_never_denied(members: np.ndarray) -> None:
    bloom = BloomFilter(len(members))
    bloom.add(members)
    assert bloom.contains(members).all()


@given(members=HASHES, others=HASHES)
def test_more_members_never_make_the_filter_forget(members: np.ndarray, others: np.ndarray) -> None:
    bloom = BloomFilter(len(members) + len(others))
    bloom.add(members)
    bloom.add(others)
    assert bloom.contains(members).all()
    assert bloom.contains(others).all()
