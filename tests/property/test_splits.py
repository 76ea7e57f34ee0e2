import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gptpath.text.splits import positions, split_bounds, together

NUMBERS = st.integers(0, 2**64 - 1)
SHARE = st.floats(0.01, 0.44)
SMALL = st.lists(st.tuples(st.integers(0, 9), st.integers(20, 29)), min_size=1, max_size=30)


@given(ids=st.sets(NUMBERS, min_size=3, max_size=60), validation=SHARE, tasks=SHARE)
def test_no_split_is_empty(ids, validation, tasks):
    found = positions(1, np.array(sorted(ids), dtype=np.uint64))
    low, high = split_bounds(found, validation=validation, tasks=tasks)
    assert low <= high
    assert (found < low).any()
    assert (found >= high).any()
    assert ((found >= low) & (found < high)).any()


@given(pairs=SMALL)
def test_whatever_shares_a_unit_or_a_family_has_one_name_and_nothing_else_has(pairs):
    unit, family = (np.array(column, dtype=np.uint64) for column in zip(*pairs, strict=True))
    names = together(unit, family)
    groups = {name: {n for n, x in enumerate(names) if x == name} for name in set(names)}
    for numbers in (unit, family):
        for number in set(numbers):
            assert len(set(names[numbers == number])) == 1
    for name, members in groups.items():
        linked, before = {min(members)}, set()
        while linked != before:
            before = set(linked)
            linked = {
                n
                for n in range(len(unit))
                if any(unit[n] == unit[m] or family[n] == family[m] for m in before)
            }
        assert linked == members, name


@given(pairs=SMALL, order=st.randoms(use_true_random=False))
def test_names_do_not_depend_on_the_order(pairs, order):
    shuffled = list(pairs)
    order.shuffle(shuffled)

    def named(some):
        unit, family = (np.array(column, dtype=np.uint64) for column in zip(*some, strict=True))
        return dict(zip(some, together(unit, family).tolist(), strict=True))

    assert named(pairs) == named(shuffled)
