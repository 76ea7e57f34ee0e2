"""What blind answering would score: even guessing, and the best constant answer."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Baselines:
    """Blind scores beside ours. `chance` is what claims are held against: `random` if not given."""

    random: float | None = None
    majority: float | None = None
    chance: float | None = None

    @property
    def level(self) -> float | None:
        """The blind score that a claim is held against."""
        return self.random if self.chance is None else self.chance


NONE = Baselines()


def choice_baselines(counts: Sequence[int], labels: Sequence[int]) -> Baselines:
    """Even guessing among each item's candidates; the best constant place among them."""
    places = [labels.count(place) for place in range(max(counts))]
    return Baselines(
        random=sum(1 / count for count in counts) / len(counts), majority=max(places) / len(labels)
    )


def constant_answer(answers: Sequence[str] | Sequence[int]) -> float:
    """Share of the commonest answer among those that would be right."""
    return max(Counter(answers).values()) / len(answers)
