import pytest

from gptpath.errors import CorpusError
from gptpath.text.splits import assign_splits, position

LOW, HIGH = ("validation", 0.1), ("tasks", 0.2)


def assign(keys: list[str], seed: int = 1):
    return assign_splits(keys, seed=seed, low=LOW, high=HIGH)


def test_shares_are_about_as_asked():
    splits = list(assign([f"key {n}" for n in range(5000)]).values())
    assert abs(splits.count("validation") / 5000 - 0.1) < 0.02
    assert abs(splits.count("tasks") / 5000 - 0.2) < 0.02


def test_a_keys_split_does_not_depend_on_the_other_keys():
    keys = [f"key {n}" for n in range(400)]
    whole, part = assign(keys), assign(keys[::2])
    assert all(whole[key] == part[key] for key in keys[::2])


def test_the_seed_changes_the_splits():
    keys = [f"key {n}" for n in range(100)]
    assert assign(keys, seed=1) != assign(keys, seed=2)


@pytest.mark.parametrize("count", [3, 4, 7])
def test_with_few_keys_every_split_still_gets_one(count):
    for seed in range(30):
        splits = assign([f"{n}.txt" for n in range(count)], seed=seed)
        assert set(splits.values()) == {"train", "validation", "tasks"}


@pytest.mark.parametrize("keys", [[], ["a"], ["a", "b"]])
def test_too_few_keys_are_an_error_that_says_what_to_add(keys):
    with pytest.raises(CorpusError):
        assign(keys)


def test_a_split_of_no_share_stays_empty():
    splits = assign_splits(["a", "b"], seed=1, low=("validation", 0.5), high=("tasks", 0.0))
    assert sorted(splits.values()) == ["train", "validation"]


def test_positions_are_spread_over_the_unit_interval():
    places = [position(1, str(n)) for n in range(1000)]
    assert all(0 <= place < 1 for place in places)
    assert abs(sum(places) / 1000 - 0.5) < 0.05
