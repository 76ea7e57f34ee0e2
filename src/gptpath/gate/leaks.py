"""Which held-out items the training corpus already holds (GPT-2 sec. 4, turned around).

The held-out n-grams are few enough to hold exactly, so the corpus streams past them once and no
filter with false positives is needed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gptpath.contamination.ngrams import NgramHasher
from gptpath.gate.heldout import Passage


@dataclass(frozen=True, kw_only=True, slots=True)
class Leaks:
    """Overlap of held-out passages with the training corpus."""

    ngram_words: int
    ngrams: npt.NDArray[np.int64]
    """(passages,) n-grams of each passage, repeated ones counted each time."""
    found: npt.NDArray[np.int64]
    """(passages,) those of them that the corpus holds."""

    @property
    def share(self) -> float:
        """Share of all n-grams found in the corpus; 0 where there is none."""
        total = int(self.ngrams.sum())
        return int(self.found.sum()) / total if total else 0.0

    def contaminated(self, items: Sequence[int], overlap_share: float) -> npt.NDArray[np.bool_]:
        """(items,) whether an item has at least that share of its n-grams in the corpus.

        `items` numbers the item of each passage. An item shorter than one n-gram never counts.
        """
        ngrams = np.bincount(items, weights=self.ngrams)
        found = np.bincount(items, weights=self.found)
        return (ngrams > 0) & (found >= overlap_share * ngrams)


def find_leaks(
    passages: Sequence[Passage], corpus: Iterable[Sequence[str]], *, ngram_words: int
) -> Leaks:
    """Look for each passage's n-grams in a corpus given as batches of texts."""
    hasher = NgramHasher(ngram_words)
    hashes = hasher.hash_texts(passage.text for passage in passages)
    known = np.unique(np.concatenate(hashes))
    seen = np.zeros(len(known), dtype=np.bool_)
    for batch in corpus:
        for text in hasher.hash_texts(batch):
            places = np.minimum(np.searchsorted(known, text), max(0, len(known) - 1))
            if len(known):
                seen[places[known[places] == text]] = True
    found = [int(seen[np.searchsorted(known, one)].sum()) if len(one) else 0 for one in hashes]
    return Leaks(
        ngram_words=ngram_words,
        ngrams=np.array([len(one) for one in hashes], dtype=np.int64),
        found=np.array(found, dtype=np.int64),
    )
