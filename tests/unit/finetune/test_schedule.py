import pytest

from gptpath.finetune.schedule import warmup_linear


@pytest.mark.parametrize(
    ("share", "factor"),
    [
        (0.0, 0.0),
        (0.05, 0.25 * 0.95),  # a quarter of the ramp, times the decay
        (0.1, 0.5 * 0.9),
        (0.2, 0.8),  # the ramp is over: the peak is not 1 but 1 - warm-up
        (0.6, 0.4),
        (0.999, 0.001),
    ],
)
def test_factor_is_the_ramp_times_the_decay(share, factor):
    assert warmup_linear(share, warmup_fraction=0.2) == pytest.approx(factor)


def test_the_papers_warm_up_peaks_after_two_thousandths_of_the_updates():
    factors = [warmup_linear(step / 10_000, warmup_fraction=0.002) for step in range(10_000)]
    assert factors.index(max(factors)) == 20
    assert max(factors) == pytest.approx(0.998)


def test_without_warm_up_the_first_update_has_the_full_rate():
    assert warmup_linear(0.0, warmup_fraction=0.0) == 1.0


def test_the_papers_shape_ramps_to_the_full_rate_and_falls_to_zero_from_there():
    def paper(share):
        return warmup_linear(share, warmup_fraction=0.2, shape="paper")

    assert [paper(share) for share in (0.0, 0.1, 0.2, 0.6, 1.0)] == pytest.approx(
        [0.0, 0.5, 1.0, 0.5, 0.0]
    )
