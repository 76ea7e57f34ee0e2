"""How much of each test set the training corpus already holds (GPT-2 sec. 4, Table 6)."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from gptpath.contamination.bloom import BloomFilter
from gptpath.contamination.ngrams import WORD, Hashes, NgramHasher

Item = Sequence[str]
"""The text fields of one test item; n-grams do not cross from one field into another."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Overlap:
    """Overlap of one test set with the training corpus."""

    name: str
    items: int
    ngrams: int
    """n-grams of all items, repeated ones counted each time."""
    overlapping_ngrams: int
    items_overlapping: int
    """Items with at least one overlapping n-gram."""
    own_train_share: float | None
    """Share of the n-grams found in the set's own train split; None where it has none."""

    @property
    def share(self) -> float:
        """Share of n-grams found in the corpus; 0 for a set of texts shorter than one n-gram."""
        return self.overlapping_ngrams / self.ngrams if self.ngrams else 0.0


def corpus_filter(
    read: Callable[[], Iterable[Sequence[str]]],
    hasher: NgramHasher,
    on_progress: Callable[[int], None],
) -> BloomFilter:
    """All n-grams of a corpus in a filter; `read` gives its texts in batches, and is called twice.

    The first pass counts words, an upper bound on the distinct n-grams, so that the filter's
    false-positive bound holds; the second one fills it. Memory is the filter (38.3 bits per word)
    and one batch. `on_progress` gets the number of texts added so far.
    """
    words = sum(_count_words(text) for batch in read() for text in batch)
    bloom = BloomFilter(words)
    added = 0
    for batch in read():
        hashes = hasher.hash_texts(batch)
        if hashes:
            bloom.add(np.concatenate(hashes))
        added += len(batch)
        on_progress(added)
    return bloom


def measure_overlap(
    name: str,
    items: Sequence[Item],
    bloom: BloomFilter,
    hasher: NgramHasher,
    *,
    own_train: Sequence[Item] | None = None,
) -> Overlap:
    """Look every n-gram of every item up in the corpus, and in the set's own train split."""
    per_item = [_item_hashes(hasher, item) for item in items]
    hashes = np.concatenate([np.zeros(0, dtype=np.uint64), *per_item])
    found = bloom.contains(hashes)
    ends = np.cumsum([len(h) for h in per_item])
    touched = sum(bool(part.any()) for part in np.split(found, ends[:-1])) if per_item else 0
    own_share = None
    if own_train and len(hashes):
        own = np.concatenate([_item_hashes(hasher, item) for item in own_train])
        own_share = float(np.isin(hashes, own).mean())
    return Overlap(
        name=name,
        items=len(items),
        ngrams=len(hashes),
        overlapping_ngrams=int(found.sum()),
        items_overlapping=touched,
        own_train_share=own_share,
    )


def _item_hashes(hasher: NgramHasher, item: Item) -> Hashes:
    return np.concatenate([np.zeros(0, dtype=np.uint64), *hasher.hash_texts(item)])


def _count_words(text: str) -> int:
    return sum(1 for _ in WORD.finditer(text))
