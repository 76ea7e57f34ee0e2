"""The true Jaccard index of candidate pairs, from sets of shingles kept in scratch files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gptpath.text.duplicates.array_files import map_array, save_array
from gptpath.text.duplicates.shard_rows import Rows, read_batches
from gptpath.text.duplicates.shingles import Hashes, shingle

Similarities = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, slots=True)
class SetsJob:
    """Which sets of a shard to write where."""

    shard: Path
    path: Path
    rows: Rows
    """Documents wanted, ascending."""
    documents: int
    """All rows of the shard."""


def write_sets(job: SetsJob, n: int) -> None:
    """Write the sets of `n`-word shingles of some documents of a shard.

    The file is one uint64 array: where each document's set ends (an end per row of the shard,
    counted from the head of the array, after the place where the first begins), then the sets
    themselves, each ascending.
    """
    sizes = np.zeros(job.documents + 1, np.int64)
    sizes[0] = job.documents + 1
    sets: list[Hashes] = []
    done = 0
    for texts in read_batches(job.shard, job.rows):
        shingles = shingle(texts, n)
        for start, end in zip(shingles.starts, shingles.ends, strict=True):
            sets.append(_distinct(shingles.hashes[start:end]))
            sizes[job.rows[done] + 1] = len(sets[-1])
            done += 1
    save_array(job.path, np.concatenate((np.cumsum(sizes).astype(np.uint64), *sets)))


def measure(paths: Sequence[Path], pairs: tuple[Rows, ...], least: float) -> Similarities:
    """Jaccard index of pairs given as four columns: shards and rows of one side, of the other.

    `paths` are the sets' files by shard. Pairs whose sizes alone keep them below `least` get 0.
    """
    files = {shard: map_array(paths[shard]) for shard in {*pairs[0].tolist(), *pairs[2].tolist()}}
    result = np.zeros(len(pairs[0]), np.float64)
    for number, (shard_a, row_a, shard_b, row_b) in enumerate(zip(*pairs, strict=True)):
        first, second = _set(files[shard_a], row_a), _set(files[shard_b], row_b)
        small, large = sorted((len(first), len(second)))
        if small and small >= least * large:
            result[number] = jaccard(first, second)
    return result


def jaccard(a: Hashes, b: Hashes) -> float:
    """Jaccard index of two sets, each given as its elements once; not both may be empty."""
    both = np.concatenate((a, b))
    both.sort()
    shared = np.count_nonzero(both[1:] == both[:-1])
    return shared / (len(both) - shared)


def _set(file: npt.NDArray[np.uint64], row: int) -> Hashes:
    return file[int(file[row]) : int(file[row + 1])]


def _distinct(hashes: Hashes) -> Hashes:
    hashes = np.sort(hashes)
    keep = np.ones(len(hashes), bool)
    keep[1:] = hashes[1:] != hashes[:-1]
    return hashes[keep]
