"""The crawler: takes links from the list, asks politely, follows redirects, keeps what it gets.

One event loop holds many requests at once. Each request is a step of a job; a job that was
redirected, or that failed in a way that may pass, goes back to the frontier and waits for its host
like any other.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from gptpath.config.web import Fetch
from gptpath.text.web.addresses import Gate
from gptpath.text.web.archive import Archive, Visit
from gptpath.text.web.client import Answer, Client
from gptpath.text.web.extraction import is_wanted
from gptpath.text.web.frontier import Frontier, Host, Job
from gptpath.text.web.outcomes import (
    CONNECTING,
    CONTENT_TYPE,
    CRAWL_DELAY,
    FETCHED,
    HOST_GIVEN_UP,
    REDIRECT_BLOCKED,
    REDIRECT_LOOP,
    REDIRECT_UNUSABLE,
    ROBOTS_DISALLOWED,
    ROBOTS_UNREACHABLE,
    STATUS,
    TOO_MANY_REDIRECTS,
    Failure,
)
from gptpath.text.web.robots import Robots
from gptpath.text.web.urls import host_of, origin_of, redirected, within

REDIRECTS = frozenset({301, 302, 303, 307, 308})

_PAUSING = frozenset({f"{STATUS}429", f"{STATUS}503"})
_GRACE_SECONDS = 10.0
_LONGEST_SLEEP = 1.0
_LINKS_AT_ONCE = 1000
"""Taken from the list before requests get their turn again."""


@dataclass(kw_only=True, slots=True)
class Tally:
    """How far a crawl has come."""

    done: int = 0
    bytes: int = 0
    """Written to the archive."""
    requests: int = 0
    """To servers, those for robots.txt included."""
    outcomes: Counter[str]


class Crawl:
    """One run of the crawler over a share of the list."""

    def __init__(
        self,
        jobs: Iterator[Job],
        archive: Archive,
        gate: Gate,
        settings: Fetch,
        blocked_domains: frozenset[str],
    ) -> None:
        """Fetch `jobs` into `archive`; redirects to `blocked_domains` are not followed."""
        self.tally = Tally(outcomes=Counter())
        self._jobs = jobs
        self._archive = archive
        self._settings = settings
        self._blocked = blocked_domains
        self._frontier = Frontier(settings)
        self._client = Client(settings, gate)
        self._robots = Robots(self._client, again_seconds=settings.backoff_seconds)
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="archive")
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        self._exhausted = False

    async def run(self, stop: asyncio.Event, report: Callable[[Tally], None]) -> None:
        """Fetch until all is done or `stop` is set; then what is in flight may still finish."""
        stopping = asyncio.create_task(self._wake_at(stop))
        try:
            while not stop.is_set() and self._error is None:
                self._fill()
                self._start_all()
                report(self.tally)
                if self._exhausted and not self._tasks and not len(self._frontier):
                    break
                await self._wait()
            if self._tasks:
                await asyncio.wait(self._tasks, timeout=_GRACE_SECONDS)
        finally:
            stopping.cancel()
            await self._end()
        if self._error is not None:
            raise self._error
        report(self.tally)

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.shutdown(wait=True)
        await self._client.close()

    def _fill(self) -> None:
        """Take some links from the list, while fewer than `max_waiting` wait."""
        room = self._settings.max_waiting - len(self._frontier)
        for _ in range(min(room, _LINKS_AT_ONCE)):
            job = next(self._jobs, None)
            if job is None:
                self._exhausted = True
                return
            self._frontier.add(job)

    def _start_all(self) -> None:
        while len(self._tasks) < self._settings.concurrency:
            taken = self._frontier.take(time.monotonic())
            if taken is None:
                return
            task = asyncio.create_task(self._step(*taken))
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._error = task.exception()
        self._changed.set()

    async def _wait(self) -> None:
        """Wait until a request is over, a host may be asked again, or the list has more."""
        seconds = _LONGEST_SLEEP
        if not self._exhausted and len(self._frontier) < self._settings.max_waiting:
            seconds = 0.0
        elif len(self._tasks) < self._settings.concurrency:
            at = self._frontier.next_time()
            seconds = seconds if at is None else min(seconds, max(0.0, at - time.monotonic()))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()
        self._changed.clear()

    async def _wake_at(self, stop: asyncio.Event) -> None:
        await stop.wait()
        self._changed.set()

    async def _step(self, job: Job, host: Host) -> None:
        """Make one request for a job, and see what comes of it."""
        try:
            await self._ask(job, host)
            host.failures = 0
        except Failure as failure:
            await self._failed(job, host, failure)
        finally:
            self._frontier.done(host, time.monotonic())

    async def _ask(self, job: Job, host: Host) -> None:
        origin = origin_of(job.url)
        manners = self._robots.known(origin)
        self.tally.requests += 1
        if manners is None:
            await self._robots.ask(origin)
            self._frontier.add(job, first=True)
            return
        if not manners.reachable:
            raise Failure(ROBOTS_UNREACHABLE, manners.detail)
        if not manners.allows(job.url):
            raise Failure(ROBOTS_DISALLOWED)
        if manners.delay > self._settings.max_crawl_delay_seconds:
            raise Failure(CRAWL_DELAY, f"{manners.delay:g} s")
        host.delay = max(self._settings.seconds_per_host, manners.delay)
        self._frontier.pause(host, time.monotonic() + host.delay)
        answer = await self._client.get(job.url, wanted, self._settings.max_page_bytes)
        if answer.status in REDIRECTS:
            self._redirect(job, answer)
        else:
            await self._keep(job, FETCHED, answer=answer)

    def _redirect(self, job: Job, answer: Answer) -> None:
        target = redirected(job.url, answer.header("location"))
        if target is None:
            raise Failure(REDIRECT_UNUSABLE, answer.header("location"))
        if target == job.url or target in job.hops:
            raise Failure(REDIRECT_LOOP, target)
        if len(job.hops) >= self._settings.max_redirects:
            raise Failure(TOO_MANY_REDIRECTS, target)
        if within(host_of(target), self._blocked):
            raise Failure(REDIRECT_BLOCKED, target)
        job.hops.append(job.url)
        job.url = target
        self._frontier.add(job, first=True)

    async def _failed(self, job: Job, host: Host, failure: Failure) -> None:
        host.failures = host.failures + 1 if failure.reason in CONNECTING else 0
        job.failures += 1
        again = failure.may_pass and job.failures < self._settings.attempts
        if host.failures >= self._settings.host_failures:
            await self._keep(job, failure.reason, detail=failure.detail)
            for other in self._frontier.drain(host):
                await self._keep(other, HOST_GIVEN_UP, detail=str(failure))
        elif again:
            now = time.monotonic()
            seconds = self._pause_seconds(job.failures, failure.retry_after)
            if failure.reason in _PAUSING:
                self._frontier.pause(host, now + seconds)
            self._frontier.add(job, not_before=now + seconds)
        else:
            await self._keep(job, failure.reason, detail=failure.detail)

    def _pause_seconds(self, failures: int, asked: float | None) -> float:
        """Exponential back-off with jitter, or what the server asks for if that is longer."""
        seconds = self._settings.backoff_seconds * 2 ** (failures - 1) * (1 + random.random())
        return min(max(seconds, asked or 0.0), self._settings.max_backoff_seconds)

    async def _keep(
        self, job: Job, outcome: str, *, detail: str = "", answer: Answer | None = None
    ) -> None:
        visit = Visit(
            link=job.link,
            digest=job.digest,
            outcome=outcome,
            detail=detail,
            url=job.url,
            hops=tuple(job.hops),
            requests=job.failures + len(job.hops) + (answer is not None),
            answer=answer,
        )
        loop = asyncio.get_running_loop()
        written: Awaitable[int] = loop.run_in_executor(self._writer, self._archive.add, visit)
        # Once it is on its way to the file it is done, whether or not we are told to stop.
        self.tally.bytes += await asyncio.shield(written)
        self.tally.done += 1
        self.tally.outcomes[outcome] += 1


def wanted(answer: Answer) -> bool:
    """Whether to read a body: not of redirects. Raises Failure for what is no page."""
    if answer.status in REDIRECTS:
        return False
    if answer.status != 200:
        after = retry_after(answer.header("retry-after"), datetime.now(UTC))
        raise Failure(f"{STATUS}{answer.status}", answer.phrase, after)
    if not is_wanted(answer.header("content-type")):
        raise Failure(CONTENT_TYPE, answer.header("content-type"))
    return True


def retry_after(header: str, now: datetime) -> float | None:
    """Seconds that a header Retry-After asks for, by number or by date; None if it is neither."""
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
