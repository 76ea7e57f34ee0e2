"""The section `gate` of params.yaml: when a new model takes the champion's place."""

from dataclasses import dataclass

from gptpath.config.sections import FORBID_UNKNOWN, require


@dataclass(frozen=True, kw_only=True, slots=True)
class Gate:
    """Settings of the decision between champion and challenger (docs/gate.md)."""

    models: tuple[str, ...] = ()
    """Models that a retraining gates; empty: all of matrix.models, and their classifiers."""
    margin_bpb: float = 0.002
    """Bits per byte by which the challenger must be better, over its whole interval."""
    margin_score: float = 0.0
    """The same of classifiers, in their task's metric: 0.01 is a point of accuracy."""
    confidence: float = 0.95
    """Of the two-sided bootstrap interval."""
    samples: int = 2000
    """Bootstrap samples."""
    seed: int = 0
    """Of the bootstrap."""
    max_documents: int = 2000
    """Most held-out documents to score: those of lowest id, which is as good as a random draw."""
    passage_characters: int = 4000
    """Held-out documents are scored in passages of at most this length."""
    min_items: int = 30
    """Fewest items that decide. Fewer documents are compared by passage instead."""
    overlap_share: float = 0.8
    """A held-out item is contaminated if this share of its n-grams is in the training corpus."""
    max_contaminated: float = 0.05
    """Largest share of held-out items that may be contaminated."""
    batch_size: int = 16
    """Windows scored side by side; changes no result beyond rounding."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        for name in ("samples", "max_documents", "passage_characters", "min_items", "batch_size"):
            require(getattr(self, name) >= 1, f"gate.{name} must be at least 1")
        for name in ("margin_bpb", "margin_score"):
            value = getattr(self, name)
            require(value >= 0, f"gate.{name}={value} is negative")
        require(
            0 < self.confidence < 1, f"gate.confidence={self.confidence} is not between 0 and 1"
        )
        for name in ("overlap_share", "max_contaminated"):
            value = getattr(self, name)
            require(0 <= value <= 1, f"gate.{name}={value} is not a share, 0 to 1")
