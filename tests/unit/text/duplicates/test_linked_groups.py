import numpy as np

from gptpath.text.duplicates.linked_groups import link, separate


def test_groups_are_known_by_their_lowest_member():
    linked = link(separate(6), np.array([5, 3]), np.array([3, 1]))
    assert linked.tolist() == [0, 1, 2, 1, 4, 1]


def test_links_may_come_in_several_rounds():
    first = link(separate(5), np.array([4]), np.array([3]))
    assert link(first, np.array([4]), np.array([0])).tolist() == [0, 1, 2, 0, 0]
    assert first.tolist() == [0, 1, 2, 3, 3]


def test_a_long_chain_becomes_one_group():
    order = np.random.default_rng(0).permutation(10_000)
    assert not link(separate(10_000), order[:-1], order[1:]).any()
