"""The list of links to fetch: each address once, with its highest score, in a polite order.

Dumps of any size pass in flat memory. First each dump file is read and its links are given one of
SLOTS by their registered domain; then the slots, some together, are put in order and written to
files. Both steps go through an executor, file by file, and finished ones are not repeated.

The order within the list takes the first link of every host, then every host's second, and so on:
whoever fetches in this order always has work for many hosts, and few links of each at hand.
"""

import heapq
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl
from filelock import FileLock

from gptpath.config.ingest import WebText
from gptpath.errors import CorpusError
from gptpath.events import Emit
from gptpath.text.executors import run_all
from gptpath.text.json_files import write_json
from gptpath.text.sources.domains import registered_domain
from gptpath.text.web.links import Link, read_links, url_digest
from gptpath.text.web.urls import host_of

Digests = npt.NDArray[np.uint64]

SLOTS = 256
"""All links of a registered domain are in the same slot; shares and files are made of slots."""

DUPLICATE = "link_duplicate"

_CHUNK = 100_000
"""Links of a dump file that are held in memory before they are written."""
_ROWS = 1024
"""Links of a file that are read at once."""
_LINKS_PER_FILE = 200_000
"""About so many links, duplicates included, are put in order at once."""
_SCHEMA = {
    "url": pl.String,
    "host": pl.String,
    "digest": pl.UInt64,
    "score": pl.Int64,
    "created": pl.Int64,
    "subreddit": pl.String,
    "slot": pl.UInt16,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A link of the list, as the crawler takes it."""

    url: str
    digest: int


def is_among(digests: Digests, finished: Digests) -> npt.NDArray[np.bool_]:
    """Which digests are among the sorted `finished`."""
    places = np.searchsorted(finished, digests)
    found = np.zeros(len(digests), dtype=np.bool_)
    inside = places < len(finished)
    found[inside] = finished[places[inside]] == digests[inside]
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class LinkList:
    """A finished list in its folder."""

    folder: Path
    files: int
    links: int
    dropped: Counter[str]
    """Submissions left out, by reason."""

    def missing(self, finished: Digests, part: int = 0, parts: int = 1) -> Iterator[Target]:
        """Yield the links of one of `parts` shares that are not finished, in order.

        All links of a registered domain are in one share. `finished` is sorted.
        """
        files = (_ordered(self.folder, number) for number in range(self.files))
        rows = heapq.merge(*(_rows(file, finished, part, parts) for file in files))
        return (Target(url=url, digest=digest) for _, digest, url in rows)

    def count_missing(self, finished: Digests, part: int = 0, parts: int = 1) -> int:
        """How many links of a share are not finished."""
        count = 0
        for number in range(self.files):
            rows = pl.read_parquet(_ordered(self.folder, number), columns=["slot", "digest"])
            digests = rows.filter(pl.col("slot") % parts == part)["digest"].to_numpy()
            count += int((~is_among(digests, finished)).sum())
        return count


def make_link_list(
    dumps: Sequence[Path],
    scratch: Path,
    settings: WebText,
    *,
    executor: Executor,
    emit: Emit,
) -> LinkList:
    """Make the list of all links in the dump files, or find it made already, below `scratch`.

    The result depends on the dumps and the rules alone: of several submissions of an address that
    with the highest score is kept, among equal ones the earliest. Of several processes one makes
    it, and the others wait. Raises CorpusError if no link is left.
    """
    folder = scratch / _fingerprint(dumps, settings)
    finished = folder / "links.json"
    scratch.mkdir(parents=True, exist_ok=True)
    with FileLock(scratch / f".{folder.name}.lock"):
        if not finished.is_file():
            _make(folder, finished, dumps, settings, executor, emit)
    report = json.loads(finished.read_text(encoding="utf-8"))
    if not report["links"]:
        reasons = ", ".join(f"{n} {reason}" for reason, n in report["dropped"].items()) or "empty"
        raise CorpusError(
            f"the dump of the source {settings.name!r} has no usable link ({reasons}); expected "
            "one JSON object a line with url, score and created_utc"
        )
    return LinkList(
        folder=folder,
        files=report["files"],
        links=report["links"],
        dropped=Counter(report["dropped"]),
    )


def _make(
    folder: Path,
    finished: Path,
    dumps: Sequence[Path],
    settings: WebText,
    executor: Executor,
    emit: Emit,
) -> None:
    folder.mkdir(exist_ok=True)
    spread = partial(_spread, folder, settings)
    run_all(executor, spread, list(enumerate(dumps)), emit=emit, what="dump files read")
    files = _file_count(sum(report["links"] for report in _spread_reports(folder, len(dumps))))
    order = partial(_order, folder, files)
    run_all(executor, order, range(files), emit=emit, what="files of links ordered")
    _finish(folder, len(dumps), files, finished)


def _file_count(links: int) -> int:
    """A power of two, at most SLOTS."""
    return min(SLOTS, 1 << (links // _LINKS_PER_FILE).bit_length())


def _fingerprint(dumps: Sequence[Path], settings: WebText) -> str:
    """Changes with the dump files (name, size) and with the rules for links."""
    rules = {
        key: getattr(settings, key)
        for key in ("min_karma", "before", "blocked_domains", "blocked_subreddits", "over_18")
    }
    files = [(dump.name, dump.stat().st_size) for dump in dumps]
    return blake2b(json.dumps([files, rules]).encode(), digest_size=8).hexdigest()


def _spread(folder: Path, settings: WebText, numbered: tuple[int, Path]) -> None:
    """Write the links of one dump file in chunks sorted by slot; skip a finished file."""
    number, dump = numbered
    report = folder / f"spread-{number:05d}.json"
    if report.is_file():
        return
    dropped: Counter[str] = Counter()
    chunk: list[Link] = []
    chunks = count = 0
    for link in read_links(dump, settings, dropped):
        chunk.append(link)
        count += 1
        if len(chunk) == _CHUNK:
            _write_chunk(chunk, folder / f"spread-{number:05d}-{chunks:05d}.parquet")
            chunks += 1
            chunk.clear()
    _write_chunk(chunk, folder / f"spread-{number:05d}-{chunks:05d}.parquet")
    write_json(report, {"links": count, "dropped": dict(dropped)})


def _spread_reports(folder: Path, dumps: int) -> list[dict[str, Any]]:
    paths = (folder / f"spread-{number:05d}.json" for number in range(dumps))
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def _write_chunk(chunk: Sequence[Link], path: Path) -> None:
    columns = {
        "url": [link.url for link in chunk],
        "host": [host_of(link.url) for link in chunk],
        "digest": [link.digest for link in chunk],
        "score": [link.score for link in chunk],
        "created": [link.created for link in chunk],
        "subreddit": [link.subreddit for link in chunk],
        "slot": [slot_of(link.url) for link in chunk],
    }
    frame = pl.DataFrame(columns, schema=_SCHEMA).sort("slot", maintain_order=True)
    _write(frame, path, row_group_size=8192)


def slot_of(canonical: str) -> int:
    """Which slot an address is in: by its registered domain."""
    return url_digest(registered_domain(canonical)) % SLOTS


def _order(folder: Path, files: int, number: int) -> None:
    """Write one file of the list: duplicates out, in the order of fetching."""
    target = _ordered(folder, number)
    counts = target.with_suffix(".json")
    if counts.is_file():
        return
    width = SLOTS // files
    links = (
        # Row groups without any of these slots are skipped by their statistics.
        pl.scan_parquet(folder / "spread-*.parquet")
        .filter(pl.col("slot").is_between(number * width, (number + 1) * width - 1))
        .collect()
    )
    kept = (
        links.sort(["url", "score", "created", "subreddit"], descending=[False, True, False, False])
        .unique("url", keep="first", maintain_order=True)
        .sort("host", "digest", "url")
        .with_columns(rank=pl.int_range(pl.len(), dtype=pl.UInt32).over("host"))
        .sort("rank", "digest", "url")
    )
    _write(kept, target, row_group_size=_ROWS)
    write_json(counts, {"links": len(kept), "all": len(links)})


def _finish(folder: Path, dumps: int, files: int, finished: Path) -> None:
    """Add the counts up, write the mark of a finished list, and take away what led to it."""
    dropped: Counter[str] = Counter()
    for report in _spread_reports(folder, dumps):
        dropped.update(report["dropped"])
    links = 0
    for number in range(files):
        counts = json.loads(_ordered(folder, number).with_suffix(".json").read_text("utf-8"))
        links += counts["links"]
        dropped[DUPLICATE] += counts["all"] - counts["links"]
    write_json(finished, {"files": files, "links": links, "dropped": dict(+dropped)})
    for path in [*folder.glob("spread-*"), *folder.glob("links-*.json")]:
        path.unlink()


def _ordered(folder: Path, number: int) -> Path:
    return folder / f"links-{number:03d}.parquet"


def _write(frame: pl.DataFrame, path: Path, *, row_group_size: int) -> None:
    temporary = path.with_name(f".{path.name}.tmp")
    frame.write_parquet(temporary, compression="zstd", row_group_size=row_group_size)
    os.replace(temporary, path)


def _rows(path: Path, finished: Digests, part: int, parts: int) -> Iterator[tuple[int, int, str]]:
    """Yield (rank, digest, url) of what is missing of a share, few rows at a time."""
    frame = pl.scan_parquet(path).select("rank", "digest", "url", "slot")
    at = 0
    while len(rows := frame.slice(at, _ROWS).collect()):
        at += len(rows)
        rows = rows.filter(pl.col("slot") % parts == part).drop("slot")
        yield from rows.filter(~is_among(rows["digest"].to_numpy(), finished)).rows()
