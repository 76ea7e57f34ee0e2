"""A search for duplicates as a process of its own: `duplicates_run.py SHARDS SCRATCH`."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from gptpath.config.duplicates import Duplicates
from gptpath.events import Event
from gptpath.text.duplicates.near_duplicates import find_duplicates


def tell(event: Event) -> None:
    """Report each step, for the one who watches to choose when to kill."""
    print(event, flush=True)


def main() -> None:
    """Search with two workers, as `ingest` does."""
    shards = sorted(Path(sys.argv[1]).glob("*.parquet"))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(2, mp_context=spawn) as executor:
        find_duplicates(shards, Path(sys.argv[2]), Duplicates(), executor, tell)


if __name__ == "__main__":
    main()
