import pytest
import torch

from gptpath.config.params import Recipe
from gptpath.errors import TrainingError
from gptpath.train.step_log import StepLog

RECIPE = Recipe(
    steps=7, batch_size_sequences=1, learning_rate=0.5, warmup_steps=0, log_every_steps=3
)


@pytest.fixture
def rows():
    return []


@pytest.fixture
def events():
    return []


@pytest.fixture
def log(rows, events):
    return StepLog(RECIPE, tokens_per_step=10, flops_per_token=3, rows=rows, emit=events.append)


def add(log, step, loss=1.0, grad_norm=1.0):
    log.add(step, torch.tensor(loss), torch.tensor(grad_norm), seconds=2.0)


def test_every_third_step_and_the_last_are_told_with_their_own_loss(log, rows, events):
    for step in range(1, 8):
        add(log, step, loss=float(step))
    assert [(row["step"], row["loss"], row["tokens"]) for row in rows] == [
        (3, 3.0, 30),
        (6, 6.0, 60),
        (7, 7.0, 70),
    ]
    assert [event.step for event in events] == [3, 6, 7]


def test_speed_is_the_mean_since_the_last_line(log, events):
    for step in range(1, 4):
        add(log, step)
    assert events[0].tokens_per_second == pytest.approx(5.0, rel=0.01)
    assert events[0].seconds_left == pytest.approx(8.0, rel=0.01)


def test_a_flush_between_two_lines_tells_nothing(log, rows):
    add(log, 1)
    log.flush()
    log.flush()
    assert rows == []


@pytest.mark.parametrize(
    ("loss", "grad_norm", "message"),
    [(float("nan"), 1.0, "step 2: loss nan"), (1.0, float("inf"), "gradient norm inf")],
)
def test_a_number_that_is_not_finite_is_found_when_flushed(log, loss, grad_norm, message):
    add(log, 1)
    add(log, 2, loss, grad_norm)
    with pytest.raises(TrainingError, match=message):
        log.flush()
