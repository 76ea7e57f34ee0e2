"""Candidate pairs by locality-sensitive hashing, one band of the signatures at a time.

Documents with the same band key lie in one bucket. Of a bucket of m documents not all m(m - 1)/2
pairs are compared but at most some 6 m:

1. each document with the lowest one of the bucket, and
2. with the lowest one of those that share the next band's key too, and
3. with its next few neighbours, where neighbours are documents in order of (next band's key, id).

So buckets of up to WINDOW + 1 documents are compared in full. In a larger one, documents that
are truly alike share the next band's key too (at Jaccard 0.8 and 4 rows with probability 0.41)
and come to lie side by side, though strangers' documents share the bucket; and there is one such
order for each band. Pairs whose sketches are clearly too different are left out at once.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gptpath.config.duplicates import Duplicates
from gptpath.text.duplicates.array_files import map_array, save_array
from gptpath.text.duplicates.minhash import alike
from gptpath.text.duplicates.shard_rows import ShardRows
from gptpath.text.duplicates.shingles import Hashes
from gptpath.text.duplicates.signature_files import FIRST_BAND, read_keys, read_sketches

Pairs = npt.NDArray[np.uint64]
"""Pairs of documents by number, packed as `lower << 32 | higher` and ascending."""

WINDOW = 4
"""Neighbours on either side that a document of a bucket is compared with."""

_SKETCHES_AT_ONCE = 1 << 15


def pack(a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> Pairs:
    """Pairs of different numbers below 2**32, each once, whichever of the two came first."""
    low, high = np.minimum(a, b).astype(np.uint64), np.maximum(a, b).astype(np.uint64)
    return np.unique((low << np.uint64(32) | high)[low != high])


def unpack(pairs: Pairs) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The lower and the higher number of each pair."""
    high = pairs & np.uint64(0xFFFFFFFF)
    return (pairs >> np.uint64(32)).astype(np.int64), high.astype(np.int64)


def bucket_pairs(keys: Hashes, next_keys: Hashes) -> Pairs:
    """Candidates among documents numbered in id order, by their keys in one band and the next."""
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    shares = np.zeros(len(keys), bool)
    shares[1:] |= same
    shares[:-1] |= same
    shared = order[shares]
    if not len(shared):
        return np.zeros(0, np.uint64)
    shared = shared[np.lexsort((shared, next_keys[shared], keys[shared]))]
    bucket = _run_starts(keys[shared])
    part = bucket | _run_starts(next_keys[shared])
    found = [_with_lowest(shared, bucket), _with_lowest(shared, part)]
    number = np.cumsum(bucket)
    for step in range(1, WINDOW + 1):
        together = number[step:] == number[:-step]
        found.append(pack(shared[step:][together], shared[:-step][together]))
    return np.unique(np.concatenate(found))


def _run_starts(values: Hashes) -> npt.NDArray[np.bool_]:
    starts = np.ones(len(values), bool)
    starts[1:] = values[1:] != values[:-1]
    return starts


def _with_lowest(members: npt.NDArray[np.int64], starts: npt.NDArray[np.bool_]) -> Pairs:
    lowest = np.minimum.reduceat(members, np.flatnonzero(starts))
    return pack(lowest[np.cumsum(starts) - 1], members)


def write_candidates(
    job: tuple[int, Path],
    *,
    members: Path,
    stems: Sequence[Path],
    layout: ShardRows,
    settings: Duplicates,
) -> None:
    """Write the candidate pairs of (band, file); `members` holds the places by number."""
    band, path = job
    places = map_array(members)[:].astype(np.int64)
    rows = (FIRST_BAND + band, FIRST_BAND + (band + 1) % settings.bands)
    pairs = bucket_pairs(*read_keys(stems, rows)[:, places])
    kept = [np.zeros(0, np.uint64)]
    for start in range(0, len(pairs), _SKETCHES_AT_ONCE):
        some = pairs[start : start + _SKETCHES_AT_ONCE]
        both = read_sketches(stems, layout, places[np.concatenate(unpack(some))])
        kept.append(some[alike(*np.split(both, 2)) >= least_estimate(settings)])
    save_array(path, np.concatenate(kept))


def least_estimate(settings: Duplicates) -> float:
    """Estimate below which a pair of family_threshold lies in about one case of 4,000.

    3.5 standard deviations of the binomial estimate below the threshold.
    """
    share = settings.family_threshold
    return share - 3.5 * float(np.sqrt(share * (1 - share) / settings.permutations))
