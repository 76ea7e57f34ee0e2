"""Runs the stage `ingest` on a few books in a process of its own, so that it can be killed.

    python ingest_checkout.py ROOT [WHAT DONE]

With WHAT and DONE the process kills itself when progress of that name has come so far.
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from gptpath.config.ingest import Files, Ingest
from gptpath.config.loading import load_params
from gptpath.config.sections import Parallel
from gptpath.events import Emit, Event, Progress
from gptpath.stages.context import StageContext
from gptpath.stages.ingest import run
from gptpath.text import fates
from tests.books import write_books

PROFILE = Path(__file__).parents[2] / "profiles" / "laptop.yaml"
BOOKS = 12
BOOK_PARAGRAPHS = 200


def write_checkout(root: Path) -> None:
    """Books of which each is a source of its own, hence at least a unit."""
    for number in range(BOOKS):
        write_books(root / "raw" / f"{number:02d}", 1, paragraphs=BOOK_PARAGRAPHS, first=number)


def ingest(root: Path, parallel: Parallel, emit: Emit) -> None:
    """Run the stage; several shards a split, in so far as workers are not asked."""
    sources = tuple(
        Files(name=f"{number:02d}", path=f"{number:02d}", part_chars=4000)
        for number in range(BOOKS)
    )
    params = replace(
        load_params(PROFILE),
        ingest=Ingest(raw="raw", sources=sources, validation_fraction=0.2, tasks_fraction=0.2),
        parallel=parallel,
    )
    with patch.object(fates, "SHARD_BYTES", 50_000):  # only the process that decides reads it
        run(StageContext(root=root, params=params, item=None, emit=emit))


def main() -> None:
    root, *kill_at = sys.argv[1:]

    def emit(event: Event) -> None:
        if isinstance(event, Progress):
            sys.stdout.write(f"{event.what} {event.done}\n")
            sys.stdout.flush()
            if kill_at and (event.what, event.done) == (kill_at[0], int(kill_at[1])):
                os.kill(os.getpid(), signal.SIGKILL)

    ingest(Path(root), Parallel(workers=2), emit)


if __name__ == "__main__":
    main()
