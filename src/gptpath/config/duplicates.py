"""`ingest.duplicates` of params.yaml: which documents count as copies of one another."""

import math
from dataclasses import dataclass

from gptpath.config.sections import FORBID_UNKNOWN, require


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicates:
    """How alike two documents must be for the one of higher id to be dropped.

    Similarity is the Jaccard index of the sets of word n-grams: shared n-grams over all n-grams of
    the two, from 0 (nothing in common) to 1. Texts equal but for white space and case are always
    dropped, whatever is set here.
    """

    near: bool = True
    """Drop near-duplicates too; False drops exact ones alone."""
    ngram_words: int = 5
    """Words per n-gram; a document of fewer words is one n-gram of all its words."""
    threshold: float = 0.8
    """Jaccard index from which on two documents are near-duplicates."""
    family_threshold: float = 0.5
    """Jaccard index from which on two documents are one family, which no split may tear apart."""
    bands: int = 48
    """Bands of the MinHash signature; two documents are compared once one band agrees."""
    rows: int = 4
    """MinHashes per band, all of which must agree."""
    seed: int = 0
    """Chooses the hash functions."""
    __pydantic_config__ = FORBID_UNKNOWN

    def __post_init__(self) -> None:
        for name in ("ngram_words", "bands", "rows"):
            value = getattr(self, name)
            require(value >= 1, f"ingest.duplicates.{name}={value} must be at least 1")
        require(
            0 < self.family_threshold <= self.threshold <= 1,
            f"ingest.duplicates needs 0 < family_threshold={self.family_threshold} <= "
            f"threshold={self.threshold} <= 1",
        )
        recall = self.chance(self.threshold)
        require(
            not self.near or recall >= 0.95,
            f"ingest.duplicates: {self.bands} bands of {self.rows} rows compare only {recall:.0%} "
            f"of the pairs at threshold={self.threshold}; take fewer rows, or at least "
            f"{self._bands_needed(0.95)} bands",
        )

    @property
    def permutations(self) -> int:
        """MinHashes per document."""
        return self.bands * self.rows

    def chance(self, similarity: float) -> float:
        """Probability that two documents of this Jaccard index are compared at all."""
        return 1 - (1 - similarity**self.rows) ** self.bands

    def _bands_needed(self, recall: float) -> int:
        if self.threshold == 1:
            return 1
        return math.ceil(math.log(1 - recall) / math.log1p(-(self.threshold**self.rows)))
