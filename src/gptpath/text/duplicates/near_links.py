"""Which documents are near-duplicates or family: candidates by band, verified band by band.

Everything is read from and written to files of a scratch folder, so that a run broken off goes on
where it was: `candidates/` (pairs of each band), `sets/` (shingles of the documents in any pair,
by shard), `verified/` (the true Jaccard index of each band's pairs).
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from gptpath.config.duplicates import Duplicates
from gptpath.events import Emit, Progress
from gptpath.text.duplicates.array_files import map_array, save_array
from gptpath.text.duplicates.jaccard import SetsJob, Similarities, measure, write_sets
from gptpath.text.duplicates.linked_groups import Numbers, link, separate
from gptpath.text.duplicates.lsh import unpack, write_candidates
from gptpath.text.duplicates.shard_rows import Rows, ShardRows
from gptpath.text.duplicates.shingles import Hashes
from gptpath.text.duplicates.signature_files import SHINGLES, read_keys
from gptpath.text.executors import run_all

Argument = TypeVar("Argument")
Result = TypeVar("Result")

_SHINGLES_AT_ONCE = 1 << 21
"""Shingles that one call of `measure` reads, 8 bytes each."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NearLinks:
    """What verification found, by number of document."""

    near: Numbers
    """Lowest number of those linked at `threshold`."""
    family: Numbers
    """Lowest number of those linked at `family_threshold`."""
    similarity: npt.NDArray[np.float32]
    """Highest verified Jaccard index of at least `family_threshold`; 0 where there is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NearSearch:
    """A search over signed shards; `members` are the places of the documents by number."""

    shards: Sequence[Path]
    stems: Sequence[Path]
    layout: ShardRows
    members: Numbers
    folder: Path
    settings: Duplicates
    executor: Executor
    emit: Emit

    def run(self) -> NearLinks:
        """Find candidates, read their shingles, and link those alike enough."""
        candidates = self._write_candidates()
        sets = self._write_sets(candidates)
        shingles = read_keys(self.stems, (SHINGLES,))[0, self.members].astype(np.uint32)
        near = family = separate(len(self.members))
        similarity = np.zeros(len(self.members), np.float32)
        seen = np.zeros(0, np.uint64)
        for band, path in enumerate(candidates):
            pairs = np.setdiff1d(map_array(path), seen, assume_unique=True)
            a, b = unpack(pairs)
            apart = near[a] != near[b]  # what is linked already needs no look
            pairs, a, b = pairs[apart], a[apart], b[apart]
            seen = np.union1d(seen, pairs)
            values = self._verify(band, a, b, sets, shingles[a].astype(np.uint64) + shingles[b])
            alike = values >= self.settings.threshold
            near = link(near, a[alike], b[alike])
            related = values >= self.settings.family_threshold
            family = link(family, a[related], b[related])
            for side in (a, b):
                np.maximum.at(similarity, side[related], values[related].astype(np.float32))
            self.emit(Progress(done=band + 1, total=len(candidates), what="bands verified"))
        return NearLinks(near=near, family=family, similarity=similarity)

    def _write_candidates(self) -> list[Path]:
        folder = made(self.folder / "candidates")
        members = folder / "members.npy"
        if not members.is_file():
            save_array(members, self.members)
        paths = [folder / f"band-{band:03d}.npy" for band in range(self.settings.bands)]
        search = partial(
            write_candidates,
            members=members,
            stems=self.stems,
            layout=self.layout,
            settings=self.settings,
        )
        self._run(
            search, [pair for pair in enumerate(paths) if not pair[1].is_file()], "bands searched"
        )
        return paths

    def _write_sets(self, candidates: Sequence[Path]) -> list[Path]:
        folder = made(self.folder / "sets")
        wanted = np.zeros(len(self.members), bool)
        for path in candidates:
            for numbers in unpack(map_array(path)):
                wanted[numbers] = True
        rows = self.layout.split(np.sort(self.members[wanted]))
        counts = np.diff(self.layout.ends, prepend=0).tolist()
        paths = [folder / f"{stem.name}.npy" for stem in self.stems]
        jobs = [
            SetsJob(shard=shard, path=path, rows=some, documents=count)
            for shard, path, some, count in zip(self.shards, paths, rows, counts, strict=True)
            if not path.is_file()
        ]
        self._run(partial(write_sets, n=self.settings.ngram_words), jobs, "shards read again")
        return paths

    def _verify(
        self, band: int, a: Rows, b: Rows, sets: Sequence[Path], shingles: Hashes
    ) -> Similarities:
        """Jaccard index of the pairs, `shingles` saying how much each has to read."""
        path = made(self.folder / "verified") / f"band-{band:03d}.npy"
        if path.is_file():
            return np.load(path)
        left, right = (self.layout.locate(self.members[side]) for side in (a, b))
        part = np.cumsum(shingles) // np.uint64(_SHINGLES_AT_ONCE)
        cuts = np.flatnonzero(part[1:] != part[:-1]) + 1
        jobs = [
            tuple(column[some] for column in (*left, *right))
            for some in np.split(np.arange(len(a)), cuts)
        ]
        compare = partial(measure, sets, least=self.settings.family_threshold)
        values = np.concatenate(self._run(compare, jobs, f"parts of band {band}"))
        save_array(path, values)
        return values

    def _run(
        self, function: Callable[[Argument], Result], jobs: Sequence[Argument], what: str
    ) -> list[Result]:
        return run_all(self.executor, function, jobs, emit=self.emit, what=what)


def made(folder: Path) -> Path:
    """The folder, made where it was missing."""
    folder.mkdir(parents=True, exist_ok=True)
    return folder
