"""Peak memory and speed of `ingest` on two amounts of text: memory must not grow with the text.

    python benchmarks/ingest_memory.py --books FOLDER [--megabytes 100 1000] [--workers 2]

The text is made from the books below FOLDER (.txt, .txt.gz): copies in which 15 % of the words are
replaced by others, so that no two copies are near-duplicates. Each amount is ingested in a process
of its own, whose memory and that of its workers is read ten times a second.
"""

import argparse
import gzip
import json
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil

from gptpath.config.cleaning import Cleaning
from gptpath.config.duplicates import Duplicates
from gptpath.config.ingest import Files, Ingest
from gptpath.config.loading import load_params
from gptpath.config.sections import Parallel
from gptpath.events import Event, Progress
from gptpath.stages.context import StageContext
from gptpath.stages.ingest import run
from gptpath.text.sources.decoding import decode

ROOT = Path(__file__).parents[1]
REPLACED = 0.15
PART_CHARS = 5000
"""About the mean length of a document of WebText (40 GB in 8 million)."""

PHASES = ("units read and cleaned", "pieces scattered", "shards written", "tasks")
"""Progress by name; all other progress of ingest is about duplicates."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--books", type=Path)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--work", type=Path, help="folder for the text; default: a temporary one")
    parser.add_argument("--ingest", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.ingest:
        ingest(options.ingest, options.workers)
        return
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        for megabytes in options.megabytes:
            checkout = Path(folder) / str(megabytes)
            size = write_text(options.books, checkout / "raw", megabytes * 1_000_000)
            sys.stdout.write(json.dumps(measure(checkout, size, options.workers), indent=2) + "\n")
            sys.stdout.flush()
            shutil.rmtree(checkout)


def write_text(books: Path, target: Path, size: int) -> int:
    """Write copies of the books until there is `size` bytes; returns the bytes written."""
    target.mkdir(parents=True)
    texts = list(read_books(books))
    vocabulary = sorted({word for text in texts for word in text.split() if word.isalpha()})
    written = 0
    for number in range(10**6):
        text = edited(texts[number % len(texts)], vocabulary, random.Random(number))
        content = text.encode()[: size - written]
        (target / f"{number:06d}.txt").write_bytes(content.decode(errors="ignore").encode())
        written += len(content)
        if written >= size:
            break
    return written


def read_books(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.txt*")):
        content = path.read_bytes()
        decoded = decode(gzip.decompress(content) if path.suffix == ".gz" else content)
        if decoded is not None:
            yield decoded.text.replace("\r\n", "\n")


def edited(text: str, vocabulary: list[str], rng: random.Random) -> str:
    words = text.split(" ")
    count = int(REPLACED * len(words))
    for place, word in zip(
        rng.choices(range(len(words)), k=count), rng.choices(vocabulary, k=count), strict=True
    ):
        ending = "\n" * words[place].count("\n")  # paragraphs stay
        words[place] = word + ending
    return " ".join(words)


def measure(checkout: Path, size: int, workers: int) -> dict[str, object]:
    """Run the ingest of a checkout and watch it."""
    command = [sys.executable, __file__, "--ingest", str(checkout), "--workers", str(workers)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    watched = psutil.Process(process.pid)
    largest = total = 0
    while process.poll() is None:
        sizes = resident(watched)
        largest, total = max([largest, *sizes]), max(total, sum(sizes))
        time.sleep(0.1)
    assert process.stdout is not None
    output = process.stdout.read()
    if process.returncode:
        raise SystemExit(f"ingest failed:\n{output}")
    seconds: dict[str, float] = json.loads(output)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    metrics = json.loads((checkout / "metrics" / "ingest.json").read_text())
    return {
        "megabytes": size / 1e6,
        "peak_largest_process_mb": round(largest / 1e6),
        "peak_all_processes_mb": round(total / 1e6),
        "cpu_seconds": round(cpu, 1),
        "seconds": {what: round(taken, 1) for what, taken in seconds.items()},
        "mb_per_second": {what: round(size / 1e6 / x, 1) for what, x in seconds.items() if x},
        "read": metrics["read"],
        "documents": sum(metrics["documents"].values()),
        "dropped": metrics["dropped"],
    }


def resident(process: psutil.Process) -> list[int]:
    """Bytes of memory of a process and of its descendants."""
    sizes: list[int] = []
    try:
        for one in [process, *process.children(recursive=True)]:
            sizes.append(one.memory_info().rss)
    except psutil.NoSuchProcess:
        pass
    return sizes


def ingest(checkout: Path, workers: int) -> None:
    """Ingest with the rules of a web corpus; writes the seconds of each phase as JSON."""
    params = load_params(ROOT / "profiles" / "gpt2-124m.yaml")
    settings = Ingest(
        raw="raw",
        sources=(Files(part_chars=PART_CHARS),),
        cleaning=Cleaning(languages=("en",), quality=("gopher",), remove_domains=("wikipedia",)),
        duplicates=Duplicates(),
        validation_fraction=0.01,
        tasks_fraction=0.1,
    )
    start = last = time.perf_counter()
    seconds = dict[str, float]()

    def emit(event: Event) -> None:
        nonlocal last
        if isinstance(event, Progress):
            now = time.perf_counter()
            phase = event.what if event.what in PHASES else "duplicates"
            seconds[phase] = seconds.get(phase, 0.0) + now - last
            last = now

    run(
        StageContext(
            root=checkout,
            params=replace(params, ingest=settings, parallel=Parallel(workers=workers)),
            item=None,
            emit=emit,
        )
    )
    seconds["everything"] = time.perf_counter() - start
    sys.stdout.write(json.dumps(seconds))


if __name__ == "__main__":
    main()
