"""When a graph of jobs ends on a limited number of slots."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One stage as the flow sees it."""

    name: str
    seconds: float
    after: tuple[str, ...] = ()


def finish_time(jobs: Sequence[Job], *, slots: int) -> float:
    """Seconds until the last job ends: ready jobs start in the given order, `slots` at once."""
    known = {job.name for job in jobs}
    ended: dict[str, float] = {}
    running: dict[str, float] = {}
    waiting = list(jobs)
    now = 0.0
    while waiting or running:
        ready = [j for j in waiting if all(n in ended for n in j.after if n in known)]
        for job in ready[: slots - len(running)]:
            running[job.name] = now + job.seconds
            waiting.remove(job)
        assert running, f"jobs wait for each other: {[job.name for job in waiting]}"
        name, now = min(running.items(), key=lambda item: item[1])
        ended[name] = running.pop(name)
    return max(ended.values(), default=0.0)
