import math

import numpy as np
import pytest

from gptpath.gate.paired import PairedLosses, paired_bootstrap

SETTINGS = {"confidence": 0.95, "samples": 2000, "seed": 0}


def losses(gain: float, *, items: int = 200, noise: float = 0.0, seed: int = 1) -> PairedLosses:
    """Items of very different difficulty; the challenger needs `gain` fewer bits per byte."""
    chooser = np.random.default_rng(seed)
    sizes = chooser.integers(50, 2000, items).astype(float)
    bits = sizes * chooser.uniform(0.5, 4.0, items)
    better = bits - sizes * (gain + noise * chooser.standard_normal(items))
    return PairedLosses(
        champion_nats=bits * math.log(2), challenger_nats=better * math.log(2), text_bytes=sizes
    )


def test_a_gain_on_every_item_is_found_exactly_however_hard_the_items_are() -> None:
    found = paired_bootstrap(losses(0.01), **SETTINGS)
    assert found.mean == pytest.approx(-0.01, abs=1e-12)
    assert found.low == pytest.approx(-0.01, abs=1e-9)
    assert found.high == pytest.approx(-0.01, abs=1e-9)
    assert found.challenger_bpb - found.champion_bpb == pytest.approx(found.mean)
    assert found.items == 200


def test_bits_per_byte_are_sums_over_sums_not_means_of_items() -> None:
    given = PairedLosses(
        champion_nats=np.array([100.0, 1.0]),
        challenger_nats=np.array([50.0, 1.0]),
        text_bytes=np.array([100.0, 10.0]),
    )
    found = paired_bootstrap(given, **SETTINGS)
    assert found.champion_bpb == pytest.approx(101 / 110 / math.log(2))
    assert found.challenger_bpb == pytest.approx(51 / 110 / math.log(2))


def test_equal_settings_give_the_equal_interval_and_another_seed_another() -> None:
    given = losses(0.01, noise=0.1)
    assert paired_bootstrap(given, **SETTINGS) == paired_bootstrap(given, **SETTINGS)
    other = paired_bootstrap(given, **(SETTINGS | {"seed": 1}))
    assert other.low != paired_bootstrap(given, **SETTINGS).low


def test_the_interval_does_not_depend_on_how_many_draws_are_held_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = losses(0.01, noise=0.1)
    whole = paired_bootstrap(given, **SETTINGS)
    monkeypatch.setattr("gptpath.gate.paired._AT_ONCE", 7 * 200)
    pieces = paired_bootstrap(given, **SETTINGS)
    assert (pieces.low, pieces.high) == pytest.approx((whole.low, whole.high), rel=1e-9)


def test_the_interval_covers_the_truth_as_often_as_it_says() -> None:
    inside = 0
    for seed in range(200):
        found = paired_bootstrap(
            losses(0.0, items=100, noise=0.2, seed=seed), confidence=0.9, samples=400, seed=seed
        )
        inside += found.low <= 0.0 <= found.high
    # 180 expected; the binomial's 99.9 % band is about +-14, the bootstrap's own bias a few more.
    assert 160 <= inside <= 196


def test_higher_confidence_is_a_wider_interval() -> None:
    given = losses(0.01, noise=0.1)
    narrow = paired_bootstrap(given, confidence=0.8, samples=2000, seed=0)
    wide = paired_bootstrap(given, confidence=0.99, samples=2000, seed=0)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high
