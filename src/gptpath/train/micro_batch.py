"""`micro_batch_size_sequences: auto`: what memory holds, chosen once for a run.

The choice is written into the scratch folder, so a run that goes on keeps it: the micro-batch
decides the order of sums, and with dropout the masks.
"""

import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gptpath.config.params import Recipe
from gptpath.errors import ConfigError
from gptpath.train.memory import divisors
from gptpath.train.parallel import Parallel, check_division
from gptpath.train.probe import Trial, open_probe

logger = logging.getLogger(__name__)

CHOICE_FILE = "micro-batch.json"

ROOM_TO_USE = 0.9
"""Share of the free memory that a micro-batch may take; the rest is for fragments and messages."""
WORTH_IT = 1.05
"""How many times faster a larger micro-batch must be on a CPU: less is noise."""
_ADVICE = (
    "take a smaller model, recompute_activations: true, or launch.strategy: fsdp on more GPUs "
    "with a micro_batch_size_sequences of your own"
)
LONG_SECONDS = 2.0
"""A micro-batch that takes as long on a CPU gains nothing from being larger."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Choice:
    """A micro-batch and what it was chosen by."""

    sequences: int
    ranks: int
    room_bytes: float
    """What the training could take at most on the rank that had least."""
    trials: Sequence[dict[str, Any]]
    """Each size tried there: `sequences`, `bytes` (null: out of memory) and `seconds` a step."""


def settle_micro_batch(
    recipe: Recipe, scratch: Path, parallel: Parallel, search: Callable[[int], tuple[int, Any]]
) -> Recipe:
    """Recipe with a number where it says `auto`: the run's earlier choice, or a new one.

    `search` finds the best divisor of a rank's share on this rank; the smallest of all ranks
    counts. On another number of ranks the earlier choice becomes the largest size up to it that
    divides their share. All ranks must call this together.

    Raises:
        ConfigError: if the batch does not divide among the ranks, or a rank cannot hold one
            sequence.
    """
    if recipe.micro_batch_size_sequences != "auto":
        return recipe
    check_division(recipe.batch_size_sequences, None, parallel.ranks)
    share = recipe.batch_size_sequences // parallel.ranks
    sequences = parallel.gather(recorded_choice(scratch))[0]
    if sequences is None:
        own = parallel.agree(lambda: search(share))
        sequences, facts = min(parallel.gather(own), key=lambda found: found[0])
        choice = Choice(sequences=sequences, ranks=parallel.ranks, **facts)
        if parallel.rank == 0:
            _write(scratch, choice)
            logger.info(
                "micro_batch_size_sequences=auto: chose %d of the %d sequences of each rank",
                sequences,
                share,
            )
    elif share % sequences:
        earlier, sequences = sequences, max(d for d in divisors(share) if d <= sequences)
        if parallel.rank == 0:
            logger.warning(
                "the run began with micro-batches of %d sequences, which do not divide the %d "
                "of each of %d ranks; it goes on with %d",
                earlier,
                share,
                parallel.ranks,
                sequences,
            )
    return replace(recipe, micro_batch_size_sequences=sequences)


def recorded_choice(scratch: Path) -> int | None:
    """Micro-batch that the run in `scratch` has chosen; None if it has not."""
    path = scratch / CHOICE_FILE
    if not path.is_file():
        return None
    return int(json.loads(path.read_text(encoding="utf-8"))["sequences"])


def search_micro_batch(
    share: int, *, device: torch.device, **model: Any
) -> tuple[int, dict[str, Any]]:
    """Try the true model on `device`; returns a divisor of `share` and the facts for a Choice.

    On a GPU the largest that fits in memory; on a CPU the fastest of those that do. `model` are
    the arguments of `open_probe`.

    Raises:
        ConfigError: if not even one sequence fits.
    """
    choose = largest_that_fits if device.type == "cuda" else fastest_that_fits
    try:
        with open_probe(device=device, **model) as probe:
            room = probe.room_bytes
            sequences, trials = choose(divisors(share), probe.attempt, ROOM_TO_USE * room)
    except torch.OutOfMemoryError as error:  # by the weights, before anything is tried
        raise ConfigError(f"the model itself does not fit in memory ({error}); {_ADVICE}") from None
    return sequences, {"room_bytes": room, "trials": [asdict(trial) for trial in trials]}


def largest_that_fits(
    sizes: Sequence[int], attempt: Callable[[int], Trial], budget: float
) -> tuple[int, list[Trial]]:
    """Largest of the ascending `sizes` whose step takes `budget` bytes at most, and all trials.

    Steps up by doubling at first, then as far as the line through the last two trials says.
    """
    trials: list[Trial] = []
    fitting: list[tuple[int, int]] = []
    low, high = -1, len(sizes)
    while (place := _next_place(sizes, low, high, fitting, budget)) is not None:
        trial = attempt(sizes[place])
        trials.append(trial)
        if trial.bytes is not None and trial.bytes <= budget:
            fitting.append((trial.sequences, trial.bytes))
            low = place
        else:
            high = place
    if low < 0:
        raise ConfigError(
            f"not even one sequence at a time fits: it takes {_gigabytes(trials[0].bytes)}, and "
            f"there are {budget / 1e9:.1f} GB to use; {_ADVICE}"
        )
    return sizes[low], trials


def fastest_that_fits(
    sizes: Sequence[int], attempt: Callable[[int], Trial], budget: float
) -> tuple[int, list[Trial]]:
    """Fastest of the ascending `sizes` within `budget` bytes, by tokens a second, and all trials.

    A larger size must be WORTH_IT; after two in a row that are not, no more are tried.
    """
    trials: list[Trial] = []
    best: Trial | None = None
    disappointments = 0
    for size in sizes:
        trial = attempt(size)
        if trial.bytes is None or trial.bytes > budget:
            break
        trials.append(trial)
        if best is None or WORTH_IT * trial.seconds / size < best.seconds / best.sequences:
            best, disappointments = trial, 0
        else:
            disappointments += 1
        if disappointments == 2 or trial.seconds > LONG_SECONDS:
            break
    # An estimate turns nobody away: one sequence is tried whatever it says.
    return (best.sequences if best else sizes[0]), trials


def _next_place(
    sizes: Sequence[int], low: int, high: int, fitting: Sequence[tuple[int, int]], budget: float
) -> int | None:
    """Which size to try between the largest that fits and the smallest that does not."""
    if high - low == 1:
        return None
    if low < 0:
        return 0
    most = 2.0 * sizes[low]
    if len(fitting) > 1:
        (fewer, less), (sequences, bytes_) = fitting[-2:]
        slope = (bytes_ - less) / (sequences - fewer)
        predicted = sequences + (budget - bytes_) / max(slope, 1.0)
        if predicted < sizes[low + 1]:
            return None
        most = min(4.0 * sizes[low], predicted)
    return max(place for place in range(low + 1, high) if place == low + 1 or sizes[place] <= most)


def _write(scratch: Path, choice: Choice) -> None:
    temporary = scratch / f".{CHOICE_FILE}"
    temporary.write_text(json.dumps(asdict(choice), indent=2), encoding="utf-8")
    os.replace(temporary, scratch / CHOICE_FILE)


def _gigabytes(size: int | None) -> str:
    return "more than all memory" if size is None else f"{size / 1e9:.1f} GB"
