from hypothesis import given
from hypothesis import strategies as st

from gptpath.text.splits import assign_splits

KEYS = st.sets(st.text(max_size=8), min_size=3, max_size=60)
SHARE = st.floats(0.01, 0.44)


@given(keys=KEYS, seed=st.integers(0, 10), low=SHARE, high=SHARE)
def test_every_key_has_one_split_and_no_split_is_empty(keys, seed, low, high):
    splits = assign_splits(keys, seed=seed, low=("validation", low), high=("tasks", high))
    assert set(splits) == keys
    assert set(splits.values()) == {"train", "validation", "tasks"}


@given(keys=KEYS, seed=st.integers(0, 10))
def test_the_order_and_repetition_of_keys_do_not_matter(keys, seed):
    ordered = sorted(keys)
    shares = {"low": ("validation", 0.1), "high": ("tasks", 0.2)}
    assert assign_splits(ordered * 2, seed=seed, **shares) == assign_splits(
        ordered[::-1], seed=seed, **shares
    )
