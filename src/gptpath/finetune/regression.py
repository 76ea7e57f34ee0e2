"""Scores between anchors: how a regression becomes a choice among labels, and back.

GPT-1 spreads STS-B's scores over the six whole numbers 0 to 5 (finetune-transformer-lm, utils.py).
"""

from collections.abc import Sequence

MOST_ANCHORS = 21
"""A range of more whole numbers, or of none, gets `DEFAULT_ANCHORS`."""
DEFAULT_ANCHORS = 6


def anchors(score_range: tuple[float, float]) -> tuple[float, ...]:
    """Evenly spaced scores from lowest to highest: the whole numbers where they are few."""
    low, high = score_range
    width = high - low
    whole = float(width).is_integer() and width < MOST_ANCHORS
    count = int(width) + 1 if whole else DEFAULT_ANCHORS
    return tuple(low + width * i / (count - 1) for i in range(count))


def anchor_labels(score_range: tuple[float, float]) -> tuple[str, ...]:
    """The anchors as names of labels: 0, 1, ... 5."""
    return tuple(f"{anchor:g}" for anchor in anchors(score_range))


def expected_place(probabilities: Sequence[float]) -> float:
    """Mean of a distribution over the anchors, as a place among them, 0 to n - 1."""
    return sum(place * probability for place, probability in enumerate(probabilities))


def score_at(place: float, score_range: tuple[float, float]) -> float:
    """The score at a place among the anchors."""
    low, high = score_range
    return low + place * (high - low) / (len(anchors(score_range)) - 1)
