import pytest

from gptpath.report import numbers


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (numbers.short(1_234_567), "1.23 M"),
        (numbers.short(1_557_611_200), "1.56 B"),
        (numbers.short(None), "–"),
        (numbers.fixed(-0.0123, 2), "−0.01"),
        (numbers.fixed(float("nan")), "–"),
        (numbers.percent(0.12345), "12.3 %"),
        (numbers.percent_tick(0.805), "80.5 %"),
        (numbers.percent_tick(0.07), "7 %"),
        (numbers.tick(-0.005), "−0.005"),
        (numbers.duration(75), "1 min 15 s"),
        (numbers.duration(3720), "1 h 02 min"),
        (numbers.size(1.5e9), "1.5 GB"),
        (numbers.energy(7200), "2 Wh"),
        (numbers.energy("unknown"), "unknown"),
        (numbers.flops(8.3e19), "8.3×10¹⁹"),
        (numbers.listing(["a", "b", "c"]), "a, b and c"),
    ],
)
def test_numbers_are_written_for_people(written: str, expected: str) -> None:
    assert written == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (numbers.short(999_499), "999 k"),
        (numbers.short(999_500), "1 M"),
        (numbers.short(-999.6), "-1 k"),
        (numbers.size(999_700_000), "1 GB"),
        (numbers.energy(3600 * 999.6), "1 kWh"),
        (numbers.flops(9.96e19), "1×10²⁰"),
        (numbers.flops(8e19), "8×10¹⁹"),
        (numbers.duration(59.94), "59.9 s"),
        (numbers.duration(59.97), "1 min 00 s"),
    ],
)
def test_what_rounds_up_to_the_next_unit_is_written_in_it(written: str, expected: str) -> None:
    assert written == expected
