import pytest

from gptpath.report.scales import Axis, linear_ticks, make_scale


def test_linear_ticks_are_round_and_inside() -> None:
    assert linear_ticks(0.0, 1.0, 5) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert linear_ticks(3.1, 7.9, 5) == [4.0, 5.0, 6.0, 7.0]


def test_a_log_axis_puts_equal_ratios_at_equal_distances() -> None:
    scale = make_scale(Axis(label="n", log=True), [1.0, 100.0], 0.0, 200.0, pad=0.0)
    assert scale.place(10.0) == pytest.approx(100.0)
    assert scale.ticks(5) == [1.0, 3.0, 10.0, 30.0, 100.0]


def test_zero_stands_at_the_left_end_of_a_log_axis() -> None:
    scale = make_scale(Axis(label="step", log=True), [0.0, 10.0, 1000.0], 50.0, 250.0, pad=0.0)
    assert scale.place(0.0) == pytest.approx(50.0)
    assert scale.place(10.0) > 55.0
    assert scale.place(1000.0) == pytest.approx(250.0)
    assert scale.ticks(6)[0] == 0.0


def test_a_narrow_log_axis_still_has_ticks() -> None:
    scale = make_scale(Axis(label="loss", log=True), [3.2, 3.7], 0.0, 100.0, pad=0.0)
    assert len(scale.ticks(5)) >= 2


def test_one_value_gets_room_on_both_sides() -> None:
    scale = make_scale(Axis(label="x"), [2.0], 0.0, 100.0, pad=0.0)
    assert scale.place(2.0) == pytest.approx(50.0)
