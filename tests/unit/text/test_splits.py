import numpy as np
import pytest

from gptpath.errors import CorpusError
from gptpath.text.splits import position, positions, split_bounds, together


def found(count: int, seed: int = 1) -> np.ndarray:
    return positions(seed, np.arange(count, dtype=np.uint64))


def sizes(places: np.ndarray, validation: float = 0.1, tasks: float = 0.2) -> tuple[int, int, int]:
    """Members of (validation, train, tasks)."""
    low, high = split_bounds(places, validation=validation, tasks=tasks)
    lows, highs = int((places < low).sum()), int((places >= high).sum())
    return lows, len(places) - lows - highs, highs


def test_shares_are_about_as_asked():
    validation, _, tasks = sizes(found(5000))
    assert abs(validation / 5000 - 0.1) < 0.02
    assert abs(tasks / 5000 - 0.2) < 0.02


def test_the_bounds_do_not_depend_on_the_documents_where_there_are_enough():
    assert split_bounds(found(400), validation=0.1, tasks=0.2) == (0.1, 0.8)
    assert split_bounds(found(400)[::2], validation=0.1, tasks=0.2) == (0.1, 0.8)


def test_the_seed_changes_the_positions():
    assert not np.array_equal(found(100, seed=1), found(100, seed=2))


@pytest.mark.parametrize("count", [3, 4, 7])
def test_with_few_documents_every_split_still_gets_one(count):
    for seed in range(30):
        assert min(sizes(found(count, seed))) >= 1


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_documents_are_an_error_that_says_what_to_add(count):
    with pytest.raises(CorpusError, match=f"{count} separable texts .* add files"):
        sizes(found(count))


def test_a_split_of_no_share_stays_empty():
    assert sizes(found(2), validation=0.5, tasks=0.0) == (1, 1, 0)


def test_positions_are_those_of_ids_in_hex_and_spread_over_the_unit_interval():
    places = found(1000)
    assert places[255] == position(1, "00000000000000ff")
    assert places.min() >= 0
    assert places.max() < 1
    assert abs(places.mean() - 0.5) < 0.05


def names(unit: list[int], family: list[int]) -> list[int]:
    return together(np.array(unit, dtype=np.uint64), np.array(family, dtype=np.uint64)).tolist()


def test_documents_alone_keep_their_own_name():
    assert names([5, 3, 9], [5, 3, 9]) == [5, 3, 9]


def test_files_and_families_that_share_a_document_are_one():
    # Parts 1, 2 of file 100 and parts 3, 4 of file 200; parts 2 and 3 are near-duplicates.
    assert names([100, 100, 200, 200, 7], [1, 2, 2, 4, 7]) == [1, 1, 1, 1, 7]


def test_the_lowest_member_of_a_family_goes_with_the_others():
    assert names([2, 8, 9], [2, 2, 9]) == [2, 2, 9]
