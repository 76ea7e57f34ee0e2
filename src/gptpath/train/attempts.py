"""What a run has cost so far: each attempt at it, with all its ranks, however it ended.

Every rank keeps a file of its own up to date while it works, so that little is lost when it is
killed, and no rank waits for another.
"""

import json
import logging
import os
import socket
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from gptpath.train.ledger import Meter, device_name
from gptpath.train.parallel import Parallel

logger = logging.getLogger(__name__)

SECONDS_BETWEEN_NOTES = 5.0


class Attempt:
    """The cost of this process's part of one attempt."""

    def __init__(self, scratch: Path, parallel: Parallel, *, tokens_per_step: int) -> None:
        """Begin to measure; all ranks must do so together."""
        self._meter = Meter().start()
        self._started = datetime.now(UTC).isoformat()
        self._parallel = parallel
        self._tokens_per_step = tokens_per_step / parallel.ranks
        name = parallel.gather(f"{self._started}-{socket.gethostname()}-{os.getpid()}")[0]
        self._path = scratch / "attempts" / name / f"{parallel.rank:05d}.json"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._noted = time.monotonic()

    def note_sometimes(self, steps: int) -> None:
        """Write down the cost after `steps` updates unless it was done a moment ago."""
        if time.monotonic() - self._noted >= SECONDS_BETWEEN_NOTES:
            self.note(steps)

    def note(self, steps: int) -> None:
        """Write down the cost after `steps` updates of this attempt."""
        self._noted = time.monotonic()
        facts = self._meter.read() | {
            "started_at": self._started,
            "device": device_name(),
            "host": socket.gethostname(),
            "tokens": round(steps * self._tokens_per_step),
        }
        temporary = self._path.with_suffix(".tmp")
        try:
            temporary.write_text(json.dumps(facts), encoding="utf-8")
            os.replace(temporary, self._path)
        except OSError as error:  # a full disk ends training where its states are written
            logger.warning("the cost so far could not be noted in %s: %s", self._path, error)


def costs(scratch: Path) -> tuple[dict[str, Any], ...]:
    """Cost of every attempt in the order in which they began, summed over its ranks.

    `wall_seconds` is that of the longest rank, `device_seconds` that of all ranks; memory is that
    of the rank that used most; energy is counted once for each host, whose ranks all read it.
    """
    folders = sorted((scratch / "attempts").glob("*"))
    attempts = ([_read(path) for path in sorted(folder.glob("*.json"))] for folder in folders)
    return tuple(_sum(ranks) for ranks in attempts if ranks)


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _sum(ranks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    walls = [float(rank["wall_seconds"]) for rank in ranks]
    device_memory = [rank["peak_device_memory_bytes"] for rank in ranks]
    hosts: dict[str, list[Any]] = {}
    for rank in ranks:
        hosts.setdefault(rank["host"], []).append(rank["energy_joules"])
    known = all("unknown" not in joules for joules in hosts.values())
    return {
        "wall_seconds": max(walls),
        "device_seconds": sum(walls),
        "cpu_seconds": sum(rank["cpu_seconds"] for rank in ranks),
        "peak_memory_bytes": max(rank["peak_memory_bytes"] for rank in ranks),
        "peak_device_memory_bytes": None if None in device_memory else max(device_memory),
        "energy_joules": sum(map(max, hosts.values())) if known else "unknown",
        "energy_source": ranks[0]["energy_source"] if known else "unknown",
        "device": ranks[0]["device"],
        "tokens": sum(rank["tokens"] for rank in ranks),
    }
