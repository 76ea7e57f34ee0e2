"""What changes with the step: the learning rate, and which checkpoints are published."""

import math

from gptpath.config.params import Recipe


def learning_rate(step: int, recipe: Recipe) -> float:
    """Learning rate of the update at `step` (0 is the first).

    Linear warm-up to the peak over `warmup_steps` updates, then a cosine that would reach
    `min_learning_rate_fraction` of the peak one update after the last (GPT-1 sec. 4.1, where it
    ends at 0; the paper counts updates from 0, so its first has rate 0 and ours 1/warmup_steps).
    """
    peak = recipe.learning_rate
    if step < recipe.warmup_steps:
        return peak * (step + 1) / recipe.warmup_steps
    share = (step - recipe.warmup_steps) / max(1, recipe.steps - recipe.warmup_steps)
    floor = recipe.min_learning_rate_fraction
    return peak * (floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * share)))


def steps_to_publish(recipe: Recipe) -> list[int]:
    """Steps whose weights are kept beside the final ones, ascending.

    The initialisation, then log-spaced over the last two decades of steps, as many as
    `published_checkpoints` says; fewer where steps would coincide.
    """
    count = recipe.published_checkpoints
    spaced = (round(recipe.steps * 100 ** (-k / (count - 1))) for k in range(1, count))
    return sorted({0, *(step for step in spaced if 0 < step < recipe.steps)} if count else set())
