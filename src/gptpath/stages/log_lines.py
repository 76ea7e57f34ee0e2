"""Events of a stage as log lines: aligned for people, and parsed again by the flow."""

import re
from dataclasses import dataclass

from gptpath.events import CheckpointSaved, Evaluated, Event, ModelFinished, Progress, StepFinished

_STEP = re.compile(
    r"step +(?P<step>\d+)/(?P<total>\d+) \|.* \| loss +(?P<loss>\S+) \| lr (?P<rate>\S+)"
    r" \| grad +(?P<grad>\S+) \|"
)
GPU_WAIT, GPU_FOUND = "waiting for %d of %d GPUs", "GPU %s of %s"
"""What a stage says that waits until other stages have left it a GPU, and when it has one."""
_GPU_WAIT, _GPU_FOUND = (
    re.compile(re.sub("%[ds]", ".+", line) + "$") for line in (GPU_WAIT, GPU_FOUND)
)
_SIGN_OF_LIFE = re.compile(r"(step|progress) +\d+/\d+\b|scores |checkpoint \d|model \S+ finished")


@dataclass(frozen=True, kw_only=True, slots=True)
class StepNumbers:
    """What the line of a training step says, as precisely as it says it."""

    step: int
    total_steps: int
    loss: float
    learning_rate: float
    grad_norm: float


def read_step(line: str) -> StepNumbers | None:
    """Read the line of a training step back; None for any other line."""
    found = _STEP.match(line)
    if found is None:
        return None
    return StepNumbers(
        step=int(found["step"]),
        total_steps=int(found["total"]),
        loss=float(found["loss"]),
        learning_rate=float(found["rate"]),
        grad_norm=float(found["grad"]),
    )


def tells_an_event(line: str) -> bool:
    """Whether the line tells that a stage has come further."""
    return _SIGN_OF_LIFE.match(line) is not None


def waits_for_gpus(line: str) -> bool:
    """Whether the line tells that the stage has nothing to do but to wait."""
    return _GPU_WAIT.match(line) is not None


def has_gpus(line: str) -> bool:
    """Whether the line tells that the stage has the GPUs that it asked for."""
    return _GPU_FOUND.match(line) is not None


def log_line(event: Event) -> str:
    """Return the one line that tells an event."""
    match event:
        case StepFinished():
            return _step_line(event)
        case Progress():
            return f"progress {event.done}/{event.total} {event.what}"
        case Evaluated():
            when = "" if event.step is None else f" {event.step}"
            scores = "".join(f" | {name} {value:.4f}" for name, value in event.values.items())
            return f"scores{when}{scores}"
        case CheckpointSaved():
            return f"checkpoint {event.step}"
        case ModelFinished():
            return f"model {event.name} finished"


def _step_line(event: StepFinished) -> str:
    width = len(str(event.total_steps))
    return (
        f"step {event.step:>{width}}/{event.total_steps}"
        f" | tokens {_thousands(event.tokens):>6}"
        f" | loss {event.loss:7.4f}"
        f" | lr {event.learning_rate:.2e}"
        f" | grad {event.grad_norm:6.3f}"
        f" | {_thousands(event.tokens_per_second):>6} tok/s"
        f"{'' if event.mfu is None else f' | mfu {event.mfu:5.1%}'}"
        f"{_memory(event.peak_memory_bytes)}"
        f" | {_clock(event.seconds_left)} left"
    )


def _memory(size: int | None) -> str:
    return "" if size is None else f" | {_thousands(size):>6}B"


def _thousands(count: float) -> str:
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")):
        if count >= size:
            return f"{count / size:.1f}{letter}"
    return f"{count:.0f}"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
