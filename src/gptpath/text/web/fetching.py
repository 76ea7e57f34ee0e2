"""Fill the archive of a `webtext` source with what it lacks; safe to interrupt at any time."""

import asyncio
import logging
import re
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gptpath.config.ingest import WebText
from gptpath.errors import ConfigError, CorpusError
from gptpath.events import Emit, Progress
from gptpath.text.sources.listing import list_files, place_of, reason_by_name, root_of
from gptpath.text.web.addresses import Gate, Resolve
from gptpath.text.web.archive import Archive, finished_digests, repair_abandoned, warc_files
from gptpath.text.web.crawl import Crawl, Tally
from gptpath.text.web.frontier import Job
from gptpath.text.web.link_list import LinkList, make_link_list

logger = logging.getLogger(__name__)

LINKS = "links"
"""Folder within the archive for the list of links."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_REPORT_SECONDS = 10.0
_DUMP_ENDINGS = frozenset({"", ".json", ".jsonl", ".ndjson", ".gz", ".zst"})
_OTHER_PACKINGS = frozenset({".bz2", ".xz", ".lz4", ".7z", ".zip"})
"""Dumps of early years are published in the first two."""
_ROUND = re.compile(r"fetch(\d+)-")


@dataclass(frozen=True, kw_only=True, slots=True)
class Share:
    """The hosts that one of several machines or processes fetches from."""

    part: int = 0
    parts: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.part < self.parts:
            raise ConfigError(
                f"share {self.part}/{self.parts} does not exist; of 4 they are 0/4 to 3/4"
            )


@dataclass(frozen=True, kw_only=True, slots=True)
class FetchReport:
    """What one run of the crawler did."""

    links: LinkList
    already: int
    """Links of this share with an outcome from earlier runs."""
    outcomes: Counter[str]
    requests: int


def archive_folder(settings: WebText, raw: Path) -> Path:
    """Where the archive of a source is."""
    return (raw if raw.is_dir() else raw.parent) / settings.archive


def fetch(
    settings: WebText,
    raw: Path,
    *,
    executor: Executor,
    emit: Emit,
    share: Share | None = None,
    again: bool = False,
    resolve: Resolve | None = None,
) -> FetchReport:
    """Make the list of links, and fetch those of a share that have no outcome in the archive.

    `again` also tries those anew whose failure may have passed. `executor` works on the dump;
    `resolve` replaces the system's name look-up. SIGINT and SIGTERM end the run in order: what is
    in flight may finish for ten seconds, then SystemExit is raised.

    Raises ConfigError if `fetch.contact` is missing, CorpusError if the dump is unusable or
    another process fetches the same share.
    """
    share = share or Share()
    if not settings.fetch.contact:
        raise ConfigError(
            f"source {settings.name!r} has no fetch.contact; give a page or a mail address where "
            "owners of the sites that you fetch from can reach you"
        )
    folder = archive_folder(settings, raw)
    links = make_link_list(
        dump_files(settings, raw), folder / LINKS, settings, executor=executor, emit=emit
    )
    archive = Archive(
        folder,
        f"fetch{_next_round(folder, again)}-{share.part}-of-{share.parts}",
        file_bytes=settings.fetch.archive_file_bytes,
    )
    gate = Gate(allow_private=settings.fetch.allow_private, resolve=resolve)
    try:
        repair_abandoned(folder)
        return _fetch(settings, links, archive, gate, folder, share, again, emit)
    finally:
        gate.close()
        archive.close()


def dump_files(settings: WebText, raw: Path) -> list[Path]:
    """The dump files of a source in the order of their paths; CorpusError if there are none."""
    place = place_of(raw, settings.path)
    root = root_of(place)
    archive = archive_folder(settings, raw)
    listed = list_files(place, settings.name)
    beside = [one for one in listed if not (root / one).is_relative_to(archive)]
    found = [root / relative for relative in beside if _is_dump(relative)]
    if unread := [relative for relative in beside if _is_packed_otherwise(relative)]:
        logger.warning(
            "%d dump files of the source %r are not read, %s the first; pack them as .zst or .gz",
            len(unread),
            settings.name,
            unread[0],
        )
    if not found:
        raise CorpusError(
            f"{place} of the source {settings.name!r} has no dump of submissions; expected files "
            "of JSON objects, one a line, named .json, .jsonl, .ndjson or nothing, [.gz or .zst]"
        )
    return found


def _is_dump(relative: PurePosixPath) -> bool:
    return not reason_by_name(relative) and relative.suffix.lower() in _DUMP_ENDINGS


def _is_packed_otherwise(relative: PurePosixPath) -> bool:
    return not reason_by_name(relative) and relative.suffix.lower() in _OTHER_PACKINGS


def round_of(path: Path) -> int:
    """In which round of attempts a WARC file was written; 0 is the first."""
    match = _ROUND.match(path.name)
    return int(match[1]) if match else 0


def _next_round(folder: Path, again: bool) -> int:
    latest = max(map(round_of, warc_files(folder)), default=0)
    return latest + 1 if again and warc_files(folder) else 0


def _fetch(
    settings: WebText,
    links: LinkList,
    archive: Archive,
    gate: Gate,
    folder: Path,
    share: Share,
    again: bool,
    emit: Emit,
) -> FetchReport:
    finished = finished_digests(folder, final_only=again)
    missing = links.count_missing(finished, share.part, share.parts)
    already = links.count_missing(finished[:0], share.part, share.parts) - missing
    logger.info("%s: %d links to fetch, %d have an outcome", settings.name, missing, already)
    tally = Tally(outcomes=Counter())
    if missing:
        targets = links.missing(finished, share.part, share.parts)
        jobs = (Job(link=t.url, digest=t.digest, url=t.url) for t in targets)

        async def crawl() -> tuple[Tally, int | None]:
            domains = frozenset(settings.blocked_domains)
            crawl = Crawl(jobs, archive, gate, settings.fetch, domains)
            with _told_to_stop() as (stop, told):
                await crawl.run(stop, _reporter(missing, emit))
            return crawl.tally, next(iter(told), None)

        tally, signalled = asyncio.run(crawl())
        emit(Progress(done=tally.done, total=missing, what="links"))
        if signalled is not None:
            logger.info("stopped; run it again to go on")
            raise SystemExit(128 + signalled)
    return FetchReport(
        links=links, already=already, outcomes=tally.outcomes, requests=tally.requests
    )


@contextmanager
def _told_to_stop() -> Generator[tuple[asyncio.Event, list[int]], None, None]:
    """An event that SIGINT and SIGTERM set in place of what they did before, and which it was."""
    stop = asyncio.Event()
    told: list[int] = []
    loop = asyncio.get_running_loop()

    def tell(number: int) -> None:
        told.append(number)
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield stop, told  # signals can be handled in the main thread alone
        return
    before = [signal.getsignal(number) for number in _SIGNALS]
    for number in _SIGNALS:
        loop.add_signal_handler(number, tell, int(number))
    try:
        yield stop, told
    finally:
        for number, handler in zip(_SIGNALS, before, strict=True):
            loop.remove_signal_handler(number)
            signal.signal(number, handler)


def _reporter(total: int, emit: Emit) -> Callable[[Tally], None]:
    """Return the callback that tells every ten seconds how far the crawl is."""
    began = time.monotonic()
    last = began

    def report(tally: Tally) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < _REPORT_SECONDS:
            return
        last = now
        rate = tally.done / (now - began)
        left = (total - tally.done) / rate if rate else float("inf")
        logger.info("%s", progress_line(tally, total, rate, left))
        emit(Progress(done=tally.done, total=total, what="links"))

    return report


def progress_line(tally: Tally, total: int, rate: float, seconds_left: float) -> str:
    """How far the crawl is, for people."""
    fetched = tally.outcomes["fetched"]
    left = "unknown"
    if seconds_left < float("inf"):
        minutes, seconds = divmod(round(seconds_left), 60)
        left = f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    return (
        f"links {tally.done:,}/{total:,} | pages {fetched:,} | {tally.bytes / 1e6:,.1f} MB"
        f" | {rate:.1f} links/s | {left} left"
    )
