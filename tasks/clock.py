"""How long each stage of a flow run waited for a place, and how long it was at work."""

import time
from collections import defaultdict
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime


class StageClock:
    """Seconds by stage, attempts added up; failed stages count too."""

    def __init__(self) -> None:
        self._waited: dict[str, float] = defaultdict(float)
        self._ran: dict[str, float] = defaultdict(float)

    def waited(self, stage: str) -> float | None:
        """Seconds that it waited for a place beside other stages; None where it needed none."""
        return self._waited.get(stage)

    def ran(self, stage: str) -> float | None:
        """Seconds that it held its place; None where it needed none."""
        return self._ran.get(stage)

    def add_wait(self, stage: str, seconds: float) -> None:
        """Add a wait that has ended."""
        self._waited[stage] += seconds

    @contextmanager
    def running(self, stage: str) -> Generator[None, None, None]:
        """Count the time of the block, however it ends."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._ran[stage] += time.monotonic() - started


def seconds_since(moment: datetime | None) -> float | None:
    """Seconds from a moment until now; None of None."""
    return None if moment is None else max(0.0, (datetime.now(UTC) - moment).total_seconds())
