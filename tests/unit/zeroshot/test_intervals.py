import numpy as np
import pytest

from gptpath.zeroshot.intervals import Resampling, bootstrap, wilson


def test_wilson_gives_the_textbook_values():
    # Newcombe 1998, Table I: 81 of 263 and 0 of 20.
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_wilson_of_nothing_says_nothing():
    assert wilson(0, 0) == (0.0, 1.0)


def test_the_bootstrap_of_a_mean_is_close_to_the_normal_interval():
    values = np.random.default_rng(0).normal(3.0, 2.0, 400)
    units = np.stack([values, np.ones(400)], axis=1)
    settings = Resampling(samples=4000, seed=1)
    low, high, error = bootstrap(units, lambda s: s[..., 0] / s[..., 1], settings)
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.03)
    assert high == pytest.approx(values.mean() + half, abs=0.03)
    assert error == pytest.approx(half / 1.96, rel=0.05)


def test_the_same_seed_gives_the_same_interval():
    units = np.random.default_rng(0).random((30, 2))

    def interval(seed):
        return bootstrap(units, lambda s: s[..., 0], Resampling(samples=50, seed=seed))

    assert interval(1) == interval(1) != interval(2)
