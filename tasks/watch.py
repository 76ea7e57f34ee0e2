"""Whether a training moves and learns: watches the lines of one stage, alerts when it does not."""

import contextvars
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Literal, Self

from gptpath.stages.log_lines import (
    StepNumbers,
    has_gpus,
    read_step,
    tells_an_event,
    waits_for_gpus,
)

JUMP_NATS = 1.0
"""A logged loss this far above the lowest one so far is an alert, in nats per token."""
PATIENCE = 5
"""A training may be silent for so many times its longest pause so far before it is stalled."""

AlertKind = Literal["stalled", "moving", "diverged"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Alert:
    """Something that a person should look at, or the news that it has passed (`moving`)."""

    stage: str
    """As DVC calls it: `pretrain@gpt2-laptop-s`."""
    kind: AlertKind
    text: str
    """One sentence with the last metrics."""
    last: StepNumbers | None
    """The last logged step; None before the first."""
    lowest_loss: float | None
    silent_seconds: float
    """Time since the stage last told of an event."""

    def payload(self) -> dict[str, Any]:
        """The facts as plain values."""
        step = {} if self.last is None else asdict(self.last)
        return {
            "stage": self.stage,
            "kind": self.kind,
            "text": self.text,
            "lowest_loss": self.lowest_loss,
            "silent_seconds": round(self.silent_seconds, 1),
            **step,
        }


class TrainingWatch:
    """Context manager around one execution of a stage; takes its lines as they come.

    A loss that is no number ends the training by itself (gptpath.errors.TrainingError); `failed`
    turns that end into an alert. `on_alert` is also called from the thread that looks for silence,
    in the Prefect context of whoever made the watch.
    """

    def __init__(
        self,
        stage: str,
        *,
        stall_seconds: float | None,
        on_alert: Callable[[Alert], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`stall_seconds` of silence are allowed at least; None looks at the losses alone."""
        self._stage, self._stall_seconds = stage, stall_seconds
        self._on_alert, self._clock = on_alert, clock
        self._last: StepNumbers | None = None
        self._lowest: float | None = None
        self._heard_at: float | None = None
        self._longest_pause = 0.0
        self._stalled = self._high = False
        self._lock = threading.Lock()
        self._ended = threading.Event()
        look = contextvars.copy_context().run
        self._thread = threading.Thread(target=look, args=(self._look_again,), daemon=True)

    def __enter__(self) -> Self:
        if self._stall_seconds is not None:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def take(self, line: str) -> None:
        """Take one line of the stage's output; lines that tell no event are no sign of life."""
        if waits_for_gpus(line):
            with self._lock:
                self._heard_at = None  # until it has them, silence is no stall
            return
        if not (tells_an_event(line) or has_gpus(line) or line.startswith("Running stage ")):
            return
        numbers = read_step(line)
        with self._lock:
            now = self._clock()
            pause = 0.0 if self._heard_at is None else now - self._heard_at
            self._heard_at = now
            was_stalled, self._stalled = self._stalled, False
            if not was_stalled:
                self._longest_pause = max(self._longest_pause, pause)
            jumped = numbers is not None and self._jumps(numbers)
        if was_stalled:
            self._alert("moving", f"is moving again after {pause:.0f} s", pause)
        if jumped:
            self._alert("diverged", f"has a loss {JUMP_NATS:g} nats or more above its lowest", 0.0)

    def failed(self, error: str) -> None:
        """Take the sentence with which the stage failed; an alert if its numbers went wrong."""
        if "expected finite numbers" in error or "loss of fine-tuning update" in error:
            self._alert("diverged", f"stopped: {error}", 0.0)

    def look(self) -> None:
        """Alert if the silence is longer than this training's own pauses explain."""
        with self._lock:
            if self._heard_at is None or self._stalled or self._stall_seconds is None:
                return
            silent = self._clock() - self._heard_at
            if silent < max(self._stall_seconds, PATIENCE * self._longest_pause):
                return
            if self._last is not None and self._last.step == self._last.total_steps:
                return  # the last measurement, hashing and recording tell of nothing
            self._stalled = True
        self._alert("stalled", f"has told of nothing for {silent:.0f} s", silent)

    def _jumps(self, numbers: StepNumbers) -> bool:
        """Note the losses; whether this one has just left the neighbourhood of the lowest."""
        self._last = numbers
        above = 0.0 if self._lowest is None else numbers.loss - self._lowest
        self._lowest = numbers.loss if self._lowest is None else min(self._lowest, numbers.loss)
        was_high = self._high
        self._high = above >= (JUMP_NATS / 2 if was_high else JUMP_NATS)
        return self._high and not was_high

    def _look_again(self) -> None:
        assert self._stall_seconds is not None, "the thread starts only where a limit is set"
        while not self._ended.wait(min(10.0, self._stall_seconds / 4)):
            self.look()

    def _alert(self, kind: AlertKind, what: str, silent_seconds: float) -> None:
        last, lowest = self._last, self._lowest
        said = "no step yet"
        if last is not None:
            said = (
                f"step {last.step} of {last.total_steps}, loss {last.loss:g} (lowest {lowest:g}), "
                f"gradient norm {last.grad_norm:g}, learning rate {last.learning_rate:g}"
            )
        self._on_alert(
            Alert(
                stage=self._stage,
                kind=kind,
                text=f"{self._stage} {what}. Last: {said}.",
                last=last,
                lowest_loss=lowest,
                silent_seconds=silent_seconds,
            )
        )
