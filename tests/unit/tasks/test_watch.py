import time

import pytest

from gptpath.errors import PipelineError
from gptpath.events import CheckpointSaved, Evaluated, StepFinished
from gptpath.stages.log_lines import (
    GPU_FOUND,
    GPU_WAIT,
    log_line,
    read_step,
    tells_an_event,
)
from tasks.policies import policy_of, stall_seconds_of
from tasks.watch import PATIENCE, Alert, TrainingWatch


def step(number: int, loss: float) -> str:
    return log_line(
        StepFinished(
            step=number,
            total_steps=1000,
            tokens=number * 1024,
            loss=loss,
            learning_rate=6e-4,
            grad_norm=1.25,
            tokens_per_second=2e4,
            seconds_left=90.0,
            mfu=0.4,
            peak_memory_bytes=10**9,
        )
    )


class Hand:
    """A clock that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def alerts() -> list[Alert]:
    return []


def watching(alerts: list[Alert], clock: Hand, limit: float | None = 60.0) -> TrainingWatch:
    return TrainingWatch("pretrain@m", stall_seconds=limit, on_alert=alerts.append, clock=clock)


def test_the_line_of_a_step_is_read_back() -> None:
    numbers = read_step(step(70, 3.25))
    assert numbers is not None
    assert (numbers.step, numbers.total_steps, numbers.loss) == (70, 1000, 3.25)
    assert (numbers.learning_rate, numbers.grad_norm) == (6e-4, 1.25)
    assert read_step(log_line(Evaluated(step=70, values={"loss": 3.0}))) is None


def test_events_are_signs_of_life_and_warnings_are_not(tmp_path) -> None:
    saved = CheckpointSaved(step=7, path=tmp_path)
    for line in (step(1, 5.0), log_line(saved), log_line(Evaluated(step=7, values={"loss": 1.0}))):
        assert tells_an_event(line)
    assert not tells_an_event("warning: MLflow did not take 5 numbers")


def test_silence_beyond_the_limit_is_told_once_and_its_end_too(alerts: list[Alert]) -> None:
    clock = Hand()
    watch = watching(alerts, clock)
    watch.take(step(10, 5.0))
    clock.now = 59.0
    watch.look()
    assert alerts == []
    clock.now = 61.0
    watch.take("warning: no sign of life")
    watch.look()
    watch.look()
    clock.now = 100.0
    watch.take(step(20, 4.9))
    assert [alert.kind for alert in alerts] == ["stalled", "moving"]
    assert "step 10 of 1000, loss 5 (lowest 5)" in alerts[0].text
    assert alerts[0].payload()["silent_seconds"] == 61.0
    assert alerts[1].silent_seconds == 100.0


def test_a_training_with_long_pauses_of_its_own_is_given_more_time(alerts: list[Alert]) -> None:
    clock = Hand()
    watch = watching(alerts, clock)
    watch.take(step(10, 5.0))
    clock.now = 40.0
    watch.take(step(20, 4.9))
    clock.now = 40.0 + PATIENCE * 40.0 - 1.0
    watch.look()
    assert alerts == []
    clock.now += 2.0
    watch.look()
    assert [alert.kind for alert in alerts] == ["stalled"]


def test_nothing_stalls_before_the_stage_runs_or_after_its_last_step(alerts: list[Alert]) -> None:
    clock = Hand()
    watch = watching(alerts, clock)
    clock.now = 1000.0
    watch.look()
    watch.take(step(1000, 3.0))
    clock.now = 9000.0
    watch.look()
    assert alerts == []


def test_a_training_that_never_gets_to_a_step_is_stalled(alerts: list[Alert]) -> None:
    clock = Hand()
    watch = watching(alerts, clock)
    watch.take("Running stage 'pretrain@m':")
    clock.now = 61.0
    watch.look()
    assert [alert.kind for alert in alerts] == ["stalled"]
    assert "no step yet" in alerts[0].text


def test_a_stage_that_waits_for_a_gpu_is_not_stalled(alerts: list[Alert]) -> None:
    clock = Hand()
    watch = watching(alerts, clock)
    watch.take("Running stage 'pretrain@m':")
    watch.take(GPU_WAIT % (2, 4))
    clock.now = 5000.0
    watch.look()
    assert alerts == []
    watch.take(GPU_FOUND % ("GPU-1, GPU-2", "GPU-1, GPU-2, GPU-3, GPU-4"))
    clock.now += 59.0
    watch.look()
    assert alerts == []
    clock.now += 2.0
    watch.look()
    assert [(alert.kind, alert.silent_seconds) for alert in alerts] == [("stalled", 61.0)]


def test_a_jump_of_the_loss_is_told_once_until_it_has_come_down(alerts: list[Alert]) -> None:
    watch = watching(alerts, Hand())
    for number, loss in enumerate([5.0, 5.5, 4.0, 4.9, 5.1, 5.2, 4.6, 5.4, 4.2, 5.3], start=1):
        watch.take(step(number, loss))
    assert [alert.kind for alert in alerts] == ["diverged", "diverged"]
    assert [alert.last.loss for alert in alerts if alert.last] == [5.1, 5.3]
    assert "lowest 4" in alerts[0].text


@pytest.mark.parametrize(
    "error",
    [
        "step 7: loss nan, gradient norm nan, expected finite numbers; lower learning_rate=1.0",
        "the loss of fine-tuning update 12 is inf; lower finetune.learning_rate",
    ],
)
def test_numbers_that_are_none_are_told_with_the_stages_own_sentence(
    alerts: list[Alert], error: str
) -> None:
    watch = watching(alerts, Hand())
    watch.take(step(5, 4.0))
    watch.failed("no text in data/raw")
    watch.failed(error)
    assert [alert.kind for alert in alerts] == ["diverged"]
    assert error in alerts[0].text


def test_the_thread_looks_by_itself_and_ends_with_the_watch() -> None:
    alerts: list[Alert] = []
    with TrainingWatch("pretrain@m", stall_seconds=0.2, on_alert=alerts.append) as watch:
        watch.take(step(10, 5.0))
        until = time.monotonic() + 20.0
        while not alerts and time.monotonic() < until:
            time.sleep(0.02)
    assert [alert.kind for alert in alerts] == ["stalled"]


def test_the_limit_comes_from_the_policy_or_the_environment(monkeypatch) -> None:
    assert stall_seconds_of("pretrain") == policy_of("pretrain").stall_seconds
    monkeypatch.setenv("GPTPATH_STALL_SECONDS", "7.5")
    assert stall_seconds_of("pretrain") == 7.5
    assert stall_seconds_of("ingest") is None
    monkeypatch.setenv("GPTPATH_STALL_SECONDS", "soon")
    with pytest.raises(PipelineError, match="soon"):
        stall_seconds_of("pretrain")
