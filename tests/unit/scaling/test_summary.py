import pytest

from gptpath.scaling.points import Measured, Point
from gptpath.scaling.summary import summarise


def point(name, parameters, loss_error=0.01, scores=("a/b",), family="transformer"):
    return Point(
        name=name,
        family=family,
        parameters=parameters,
        non_embedding_parameters=parameters // 2,
        tokens=100,
        flops=1e6,
        loss=10 * parameters**-0.1,
        loss_error=loss_error,
        bpb=1.0,
        scores={name: Measured(value=parameters / 1e4, error=0.1) for name in scores},
    )


SIZES = [point("s", 1000), point("m", 4000), point("l", 9000)]
LSTM = point("lstm", 4000, family="lstm")


def test_every_model_is_listed_but_only_the_named_ones_are_fitted():
    found = summarise([*reversed(SIZES), LSTM], ["s", "m", "l"], samples=50, seed=0)
    assert [m["name"] for m in found["models"]] == ["l", "m", "s", "lstm"]
    assert found["models"][3]["family"] == "lstm"
    assert found["models"][0]["scores"] == {"a/b": 0.9}
    assert found["fitted"] == ["s", "m", "l"]
    assert found["loss_fit"]["points"] == 3
    assert found["loss_fit"]["exponent"] == pytest.approx(0.1)


def test_the_largest_model_is_predicted_from_the_smaller_ones_alone():
    largest = point("l", 9000)
    found = summarise(SIZES, ["s", "m", "l"], samples=50, seed=0)["prediction"]
    assert (found["model"], found["fitted_on"]) == ("l", ["s", "m"])
    assert found["predicted_loss"] == pytest.approx(largest.loss)
    assert found["error"] == pytest.approx(0.0, abs=1e-9)


def test_with_three_points_the_note_states_the_limits():
    note = summarise(SIZES, ["s", "m", "l"], samples=50, seed=0)["loss_fit"]["note"]
    assert "3 points for 2 unknowns" in note


def test_without_errors_there_is_no_interval_and_the_note_says_so():
    points = [point("s", 1000, loss_error=None), point("m", 4000)]
    fit = summarise(points, ["s", "m"], samples=50, seed=0)["loss_fit"]
    assert fit["low"] is None
    assert "no interval" in fit["note"]


def test_too_few_sizes_give_a_reason_instead_of_a_fit():
    found = summarise([SIZES[0], point("twin", 1000)], ["s", "twin"], samples=50, seed=0)
    assert "at least 2 models of different size" in found["loss_fit"]["note"]
    assert found["score_fits"] == {}
    assert "at least 3" in found["prediction"]["note"]


def test_scores_are_fitted_where_every_model_has_them():
    points = [point("s", 1000, scores=("a/b", "a/c")), point("m", 10_000)]
    fits = summarise(points, ["s", "m"], samples=50, seed=0)["score_fits"]
    assert list(fits) == ["a/b"]
    assert fits["a/b"]["slope"] == pytest.approx(0.9)
