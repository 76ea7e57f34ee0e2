import numpy as np
import pytest

from gptpath.scaling.fits import fit_power_law, fit_slope

SIZES = [1e5, 4e5, 1.6e6, 6.4e6]


def test_an_exact_power_law_is_recovered_and_carried_on():
    losses = [20.0 * n**-0.12 for n in SIZES]
    fit = fit_power_law(SIZES, losses, None, samples=10, seed=0)
    assert fit.exponent == pytest.approx(0.12)
    assert fit.coefficient == pytest.approx(20.0)
    assert (fit.low, fit.high, fit.points) == (None, None, 4)
    assert fit.at(1e8) == pytest.approx(20.0 * 1e8**-0.12)


def test_the_interval_of_the_exponent_widens_with_the_error_of_the_losses():
    losses = [20.0 * n**-0.12 for n in SIZES]
    narrow, wide = (
        fit_power_law(SIZES, losses, [error] * 4, samples=500, seed=0) for error in (0.01, 0.1)
    )
    assert narrow.low < 0.12 < narrow.high
    assert wide.high - wide.low == pytest.approx(10 * (narrow.high - narrow.low), rel=0.2)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    losses = np.array([20.0 * n**-0.12 for n in SIZES])
    covered = 0
    for trial in range(200):
        noisy = losses + rng.normal(0, 0.05, 4)
        fit = fit_power_law(SIZES, noisy.tolist(), [0.05] * 4, samples=300, seed=trial)
        covered += fit.low <= 0.12 <= fit.high
    assert 0.9 <= covered / 200 <= 0.99


def test_a_slope_is_the_change_for_a_tenfold_size():
    fit = fit_slope([10, 100, 1000], [0.1, 0.3, 0.5], [0.01] * 3, samples=200, seed=0)
    assert fit.slope == pytest.approx(0.2)
    assert fit.low < 0.2 < fit.high
