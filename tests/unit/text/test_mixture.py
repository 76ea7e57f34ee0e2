import numpy as np
import pytest

from gptpath.text.mixture import kept_fractions, thinning_positions


def test_without_weights_everything_is_kept():
    assert kept_fractions({"a": 10, "b": 0}, {"a": None, "b": None}) == {"a": 1.0, "b": 1.0}


def test_the_scarcest_source_is_kept_whole_and_the_others_follow_its_weight():
    kept = kept_fractions({"a": 1000, "b": 300, "c": 7}, {"a": 2.0, "b": 3.0, "c": None})
    assert kept == {"a": pytest.approx(0.2), "b": 1.0, "c": 1.0}


def test_only_the_ratio_of_weights_counts():
    sizes = {"a": 1000, "b": 300}
    assert kept_fractions(sizes, {"a": 1.0, "b": 4.0}) == kept_fractions(
        sizes, {"a": 0.2, "b": 0.8}
    )


def test_thinning_is_even_over_the_ids_and_depends_on_the_seed():
    ids = np.sort(np.random.default_rng(1).integers(0, 2**64, 20_000, dtype=np.uint64))
    kept = thinning_positions(ids, seed=1) < 0.3
    assert abs(kept[:10_000].mean() - 0.3) < 0.03
    assert abs(kept[10_000:].mean() - 0.3) < 0.03
    assert not np.array_equal(kept, thinning_positions(ids, seed=2) < 0.3)


def test_an_ids_position_does_not_depend_on_the_others():
    ids = np.arange(50, dtype=np.uint64)
    assert np.array_equal(thinning_positions(ids, 3)[::7], thinning_positions(ids[::7], 3))
