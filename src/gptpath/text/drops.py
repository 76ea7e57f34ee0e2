"""What was dropped and why: counts of everything, and a few samples to look at."""

import hashlib
from collections import Counter

import polars as pl

from gptpath.text.sources.source import Dropped

SAMPLES = 10
"""Samples kept for each source and reason: those of the lowest ids, which are as good as random."""
SAMPLE_CHARS = 200
"""Characters of a dropped text that a sample shows."""

_WAITING = 4096
"""Drops that wait to be made one table: a table for each costs most of a millisecond."""

SAMPLE_COLUMNS = ("reason", "source", "id", "location", "text")
_SCHEMA: dict[str, type[pl.String]] = {name: pl.String for name in SAMPLE_COLUMNS}


class DropTally:
    """Counts by reason, and the samples so far; memory does not grow with what is added."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._samples = pl.DataFrame(schema=_SCHEMA)
        self._waiting: list[dict[str, str]] = []

    def add(self, dropped: Dropped, source: str) -> None:
        """Count something of `source` that yielded no document."""
        self.counts[dropped.reason] += 1
        key = "\0".join((source, dropped.location, dropped.reason))
        self._waiting.append(
            {
                "reason": dropped.reason,
                "source": source,
                "id": hashlib.blake2b(key.encode(errors="replace"), digest_size=8).hexdigest(),
                "location": dropped.location.encode(errors="replace").decode(),
                "text": "",
            }
        )
        if len(self._waiting) >= _WAITING:
            self._take_waiting()

    def add_documents(self, documents: pl.DataFrame) -> None:
        """Count dropped documents: the columns of a shard, and `reason`."""
        if not documents.is_empty():
            for reason, count in documents["reason"].value_counts().iter_rows():
                self.counts[reason] += count
            self._keep(documents)

    def samples(self) -> pl.DataFrame:
        """Table of SAMPLE_COLUMNS in the order of reason, source and id."""
        self._take_waiting()
        return self._samples

    def _take_waiting(self) -> None:
        rows, self._waiting = self._waiting, []
        self._keep(pl.DataFrame(rows, schema=_SCHEMA))

    def _keep(self, more: pl.DataFrame) -> None:
        short = more.select(*SAMPLE_COLUMNS[:-1], pl.col("text").str.slice(0, SAMPLE_CHARS))
        self._samples = lowest(pl.concat([self._samples, short]))


def lowest(samples: pl.DataFrame) -> pl.DataFrame:
    """The first SAMPLES of each source and reason by id."""
    ordered = samples.sort(*SAMPLE_COLUMNS)
    return (
        ordered.group_by("reason", "source", maintain_order=True)
        .head(SAMPLES)
        .select(SAMPLE_COLUMNS)
    )
