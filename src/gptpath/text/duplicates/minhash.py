"""MinHash signatures of documents, and what is kept of them: band keys and sketches.

The share of equal MinHashes of two documents estimates the Jaccard index of their shingles (Broder
1997). Each MinHash is the least of all shingles under one random order; the orders are products
with odd numbers modulo 2**32, which is enough as the shingles are random numbers already. Orders
of all shingles beat the faster one-permutation hashing here: see docs/duplicates.md.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gptpath.config.duplicates import Duplicates
from gptpath.text.duplicates.shingles import Hashes, Shingles, mix

MinHashes = npt.NDArray[np.uint32]
Sketches = npt.NDArray[np.uint8]

_BLOCK = 1 << 15
"""About the shingles that one round of all permutations works on, so that they stay in cache."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """Signatures of several documents; those without a shingle hold nothing of meaning."""

    band_keys: Hashes
    """Shape (bands, documents): equal where all MinHashes of a band are."""
    sketches: Sketches
    """Shape (documents, permutations): the lowest byte of each MinHash."""


def sign(shingles: Shingles, settings: Duplicates) -> Signatures:
    """Signatures of documents from their shingles."""
    hashes = min_hashes(shingles, permutations=settings.permutations, seed=settings.seed)
    return Signatures(_band_keys(hashes, settings), np.ascontiguousarray(hashes.T.astype(np.uint8)))


def min_hashes(shingles: Shingles, *, permutations: int, seed: int) -> MinHashes:
    """MinHashes, shape (permutations, documents); zeros for documents without shingles."""
    result = np.zeros((permutations, len(shingles.ends)), np.uint32)
    filled = np.flatnonzero(shingles.ends > shingles.starts)
    starts, ends = shingles.starts[filled], shingles.ends[filled]
    values = (shingles.hashes >> np.uint64(32)).astype(np.uint32)
    multipliers = _multipliers(permutations, seed)
    first = 0
    while first < len(filled):
        begin = starts[first]
        stop = max(first + 1, int(np.searchsorted(ends, begin + _BLOCK, side="right")))
        block = values[begin : ends[stop - 1]]
        product = np.empty_like(block)
        inner = starts[first:stop] - begin
        for row, multiplier in zip(result, multipliers, strict=True):
            np.multiply(block, multiplier, out=product)
            row[filled[first:stop]] = np.minimum.reduceat(product, inner)
        first = stop
    return result


def alike(a: Sketches, b: Sketches) -> npt.NDArray[np.float32]:
    """Estimated Jaccard index of documents by row, from sketches; too high by up to 1/256."""
    return (a == b).mean(axis=1, dtype=np.float32)


@lru_cache(maxsize=1)
def _multipliers(count: int, seed: int) -> MinHashes:
    """Odd random numbers, one per permutation."""
    steps = np.arange(1, count + 1, dtype=np.uint64) + np.uint64(seed % 2**32 << 32)
    return (mix(mix(steps)) >> np.uint64(32)).astype(np.uint32) | np.uint32(1)


def _band_keys(hashes: MinHashes, settings: Duplicates) -> Hashes:
    bands = hashes.reshape(settings.bands, settings.rows, -1)
    keys = np.zeros((settings.bands, hashes.shape[1]), np.uint64)
    for row in range(settings.rows):
        keys = mix(keys + bands[:, row].astype(np.uint64) + np.uint64(row + 1 << 32))
    return keys
