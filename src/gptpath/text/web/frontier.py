"""Which link is fetched next: whose host may be asked again now, waiting least long otherwise.

Nothing here waits or connects; times are seconds of one monotonic clock, given by the caller.
"""

import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from gptpath.config.web import Fetch
from gptpath.text.web.urls import host_of

_IDLE_HOSTS = 50_000


@dataclass(kw_only=True, slots=True)
class Job:
    """A link on its way to its page."""

    link: str
    """Canonical address as it stands in the list."""
    digest: int
    url: str
    """Where it is looked for now: the link, or what that redirected to."""
    hops: list[str] = field(default_factory=list[str])
    """Addresses that redirected, in order."""
    failures: int = 0


@dataclass(kw_only=True, slots=True)
class Host:
    """What is known of a host, and the jobs that wait for it."""

    name: str
    waiting: list[tuple[float, int, Job]] = field(default_factory=list[tuple[float, int, Job]])
    """A heap: not before, order of arrival, job."""
    active: int = 0
    """Requests in flight."""
    free_at: float = 0.0
    """Earliest start of the next request."""
    delay: float = 0.0
    """Least seconds between the starts of two requests."""
    failures: int = 0
    """Failures to connect since the last success."""
    queued_at: float | None = None
    """Its place in the queue of hosts; None if it has none."""


class Frontier:
    """Jobs by host, and the hosts by the time at which they may be asked."""

    def __init__(self, settings: Fetch) -> None:
        """Keep the rates of `settings`."""
        self._settings = settings
        self._hosts: dict[str, Host] = {}
        self._queue: list[tuple[float, int, Host]] = []
        self._numbers: Iterator[int] = itertools.count()
        self._waiting = 0

    def __len__(self) -> int:
        """Jobs that wait; those in flight do not count."""
        return self._waiting

    def add(self, job: Job, *, not_before: float = 0.0, first: bool = False) -> None:
        """Let a job wait for its host; with `first` ahead of all that came earlier."""
        host = self._host(host_of(job.url))
        number = next(self._numbers)
        heapq.heappush(host.waiting, (not_before, -number if first else number, job))
        self._waiting += 1
        self._enqueue(host)

    def take(self, now: float) -> tuple[Job, Host] | None:
        """Start a job whose host may be asked now; None if there is none. `done` must follow."""
        while self._queue and self._queue[0][0] <= now:
            at, _, host = heapq.heappop(self._queue)
            if at != host.queued_at:  # it got another place since
                continue
            host.queued_at = None
            if not self._ready(host) or self._time(host) > now:
                self._enqueue(host)
                continue
            _, _, job = heapq.heappop(host.waiting)
            self._waiting -= 1
            host.active += 1
            host.free_at = now + host.delay
            self._enqueue(host)
            return job, host
        return None

    def done(self, host: Host, now: float) -> None:
        """Say that a request is over."""
        host.active -= 1
        self._enqueue(host)
        if len(self._hosts) > self._waiting + _IDLE_HOSTS:
            self._forget_idle(now)

    def pause(self, host: Host, until: float) -> None:
        """Start no request to a host before `until`."""
        host.free_at = max(host.free_at, until)

    def next_time(self) -> float | None:
        """When a job may be ready at the earliest; None while all that wait are held up."""
        while self._queue and self._queue[0][0] != self._queue[0][2].queued_at:
            heapq.heappop(self._queue)  # the host got another place since
        return self._queue[0][0] if self._queue else None

    def drain(self, host: Host) -> list[Job]:
        """Take all jobs that wait for a host away from it."""
        jobs = [job for _, _, job in sorted(host.waiting, key=lambda entry: entry[:2])]
        self._waiting -= len(jobs)
        host.waiting.clear()
        return jobs

    def _host(self, name: str) -> Host:
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = Host(name=name, delay=self._settings.seconds_per_host)
        return host

    def _ready(self, host: Host) -> bool:
        return bool(host.waiting) and host.active < self._settings.connections_per_host

    def _time(self, host: Host) -> float:
        return max(host.free_at, host.waiting[0][0])

    def _enqueue(self, host: Host) -> None:
        """Give a host its place in the queue, if it has work and a connection left."""
        if not self._ready(host):
            return
        at = self._time(host)
        if host.queued_at is None or at < host.queued_at:
            host.queued_at = at
            heapq.heappush(self._queue, (at, next(self._numbers), host))

    def _forget_idle(self, now: float) -> None:
        self._hosts = {
            name: host
            for name, host in self._hosts.items()
            if host.waiting or host.active or host.free_at > now
        }
