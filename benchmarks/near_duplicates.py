"""Near-duplicates: recall, precision, speed and memory, beside datatrove's MinHash pipeline.

    python benchmarks/near_duplicates.py quality [--megabytes 4] [--peer PYTHON]
    python benchmarks/near_duplicates.py speed [--megabytes 10 100]
    python benchmarks/near_duplicates.py hashing

`quality` plants one edited copy of each second passage of the shared books, computes the true
Jaccard index of each pair in plain Python, and prints recall and precision by threshold; with
`--peer` (an interpreter that has datatrove) both run on the same two cores one after the other.
`speed` makes bigger texts, of which a tenth are copies, and prints MB/s, MB per CPU second and the
highest memory of any process. `hashing` compares MinHash by all permutations with one-permutation
hashing. GPTPATH_SHARED_DATA names the folder of the shared data.
"""

import argparse
import gzip
import json
import multiprocessing
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl

from gptpath.config.duplicates import Duplicates
from gptpath.events import ignore
from gptpath.text.duplicates.minhash import min_hashes
from gptpath.text.duplicates.near_duplicates import find_duplicates
from gptpath.text.duplicates.shingles import Shingles, shingle
from tests.unit.text.planted import edited, jaccard_of, write_shards

Result = TypeVar("Result")

ROOT = Path(__file__).parents[1]
REAL = Path(os.environ.get("GPTPATH_SHARED_DATA", ROOT.parent / "shared" / "data"))
WORKERS = 2
PASSAGE_CHARS = 5000
THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)


def passages(megabytes: float) -> Iterator[str]:
    """Passages of the shared books; the later rounds have two of five words replaced."""
    rng = random.Random(0)
    left = megabytes * 1e6
    for turn in range(1000):
        for path in sorted((REAL / "books" / "english_novels").glob("*.gz")):
            text = gzip.decompress(path.read_bytes()).decode("utf-8-sig").replace("\r\n", "\n")
            vocabulary = text[:200_000].split()
            for start in range(0, len(text), PASSAGE_CHARS):
                passage = text[start : start + PASSAGE_CHARS]
                if turn:
                    words = passage.split(" ")
                    chosen = [rng.random() < 0.4 for _ in words]
                    others = iter(rng.choices(vocabulary, k=sum(chosen)))
                    passage = " ".join(
                        next(others) if new else word
                        for new, word in zip(chosen, words, strict=True)
                    )
                yield passage
                left -= len(passage)
                if left <= 0:
                    return


def plant(texts: list[str], share: float) -> tuple[dict[str, str], dict[str, str]]:
    """Documents by id with edited copies for a share of the texts, and {copy: original}."""
    rng = random.Random(1)
    vocabulary = sorted({word for text in texts[:200] for word in text.split()})
    documents, originals = {}, {}
    for text in texts:
        one = f"{rng.getrandbits(64):016x}"
        documents[one] = text
        if rng.random() < share:
            # Spread so that Jaccard indices cover 0.4 to 1 about evenly.
            copy = f"{rng.getrandbits(64):016x}"
            documents[copy] = edited(text, rng.uniform(0.0005, 0.08), rng, vocabulary)
            originals[copy] = one
    return documents, originals


def ours(shards: list[Path], scratch: Path, settings: Duplicates) -> tuple[pl.DataFrame, float]:
    """Decisions, and seconds with the start of the workers."""
    start = time.perf_counter()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(WORKERS, mp_context=spawn) as executor:
        path = find_duplicates(shards, scratch, settings, executor, ignore)
    return pl.read_parquet(path), time.perf_counter() - start


def theirs(shards: list[Path], folder: Path, peer: str) -> tuple[set[str], float]:
    """The ids that datatrove kept, and the seconds of its four stages."""
    result = folder / "peer.json"
    script = Path(__file__).with_name("near_duplicates_datatrove.py")
    command = [peer, script, shards[0].parent, folder / "peer", result]
    subprocess.run(command, check=True, capture_output=True)
    answer = json.loads(result.read_text())
    return set(answer["kept"]), sum(answer["seconds"].values())


def timed(work: Callable[[], Result]) -> tuple[Result, float]:
    """Result, and CPU seconds of this process and its children: other work does not count."""
    before = sum(os.times()[:4])
    result = work()
    return result, sum(os.times()[:4]) - before


def score(dropped: set[str], true: dict[tuple[str, str], float], threshold: float) -> str:
    """Recall and precision over planted pairs, of which one should go where they are alike."""
    wanted = {pair for pair, index in true.items() if index >= threshold}
    found = {pair for pair in true if dropped & set(pair)}
    strangers = dropped - {one for pair in found for one in pair}
    both = len(wanted & found)
    return (
        f"recall {both / len(wanted):.4f}  precision {both / (len(found) + len(strangers)):.4f}"
        f"  ({len(wanted)} pairs)"
    )


def quality(megabytes: float, peer: str | None) -> None:
    documents, originals = plant(list(passages(megabytes * 2 / 3)), 0.5)
    size = sum(len(text.encode()) for text in documents.values()) / 1e6
    true = {
        (copy, one): jaccard_of(documents[copy], documents[one], 5)
        for copy, one in originals.items()
    }
    print(f"{len(documents)} documents, {size:.1f} MB, {len(true)} planted pairs")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = write_shards(folder / "shards", documents, shards=8)
        runs: list[tuple[str, Any, float]] = [
            ("ours", *timed(lambda: ours(shards, folder / "before", Duplicates())))
        ]
        if peer:
            runs.append(("datatrove", *timed(lambda: theirs(shards, folder, peer))))
            runs.append(("ours", *timed(lambda: ours(shards, folder / "after", Duplicates()))))
        for name, (_, seconds), cpu in runs:
            print(
                f"{name:9}  {seconds:7.1f} s  {size / seconds:7.2f} MB/s  "
                f"{cpu:7.1f} CPU s  {size / cpu:7.2f} MB per CPU second"
            )
        if peer:
            kept = runs[1][1][0]
            print(f"datatrove  0.80  {score(set(documents) - kept, true, 0.8)}")
        for threshold in THRESHOLDS:
            settings = Duplicates(threshold=threshold)
            frame, _ = ours(shards, folder / "ours", settings)
            dropped = set(frame.filter(pl.col("reason").is_not_null())["id"])
            print(f"ours       {threshold:.2f}  {score(dropped, true, threshold)}")


def speed(megabytes: list[float]) -> None:
    for wanted in megabytes:
        documents, _ = plant(list(passages(wanted / 1.1)), 0.1)
        size = sum(len(text.encode()) for text in documents.values()) / 1e6
        with tempfile.TemporaryDirectory() as name:
            write_shards(Path(name), documents, shards=max(2, round(size / 32)))
            del documents
            command = [sys.executable, __file__, "one", name, str(size)]
            subprocess.run(command, check=True)


def one(folder: Path, size: float) -> None:
    """One search in a fresh process, so that memory is its own."""
    shards = sorted(folder.glob("*.parquet"))
    frame, seconds = ours(shards, folder / "scratch", Duplicates())
    times = os.times()
    cpu = times.user + times.system + times.children_user + times.children_system
    # Not ru_maxrss of this process: that one counts what its parent held at the fork.
    status = Path("/proc/self/status").read_text()
    peaks = [
        int(status.split("VmHWM:")[1].split()[0]) / 1024,
        resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    ]
    reasons = frame["reason"].value_counts(sort=True).rows()
    print(
        f"{size:7.1f} MB  {len(frame)} documents  {seconds:6.1f} s  {size / seconds:6.2f} MB/s  "
        f"{size / cpu:6.2f} MB per CPU second  peak {peaks[0]:.0f} MB + worker {peaks[1]:.0f} MB  "
        f"{reasons}"
    )


def one_permutation(shingles: Shingles, bins: int) -> np.ndarray:
    """One-permutation hashing, empty bins filled from bins at random (Shrivastava 2017)."""
    documents = len(shingles.ends)
    owner = np.repeat(np.arange(documents), shingles.ends - shingles.starts)
    values = (shingles.hashes >> np.uint64(32)).astype(np.uint64)
    place = (values * np.uint64(bins)) >> np.uint64(32)
    flat = np.full(documents * bins, np.iinfo(np.uint32).max, np.uint32)
    low = (shingles.hashes & np.uint64(0xFFFFFFFF)).astype(np.uint32)
    np.minimum.at(flat, owner * bins + place.astype(np.int64), low)
    table = flat.reshape(documents, bins)
    empty = table == np.iinfo(np.uint32).max
    filled, attempt = table.copy(), 0
    while empty.any() and attempt < 10_000:
        source = np.random.default_rng(attempt).integers(0, bins, bins)
        offered = table[:, source]
        take = empty & (offered != np.iinfo(np.uint32).max)
        filled[take] = offered[take]
        empty &= ~take
        attempt += 1
    return filled.T


def hashing() -> None:
    settings = Duplicates()
    for words in (50, 200, 1000):
        texts = [passage[: words * 6] for passage in passages(3)]
        rng = random.Random(2)
        vocabulary = texts[0].split()
        # Edits that bring pairs near Jaccard 0.5, where recall is hard.
        pairs = [(text, edited(text, 0.07, rng, vocabulary)) for text in texts]
        true = np.array([jaccard_of(a, b, 5) for a, b in pairs])
        near = (true > 0.45) & (true < 0.55)
        shingles = shingle([text for pair in pairs for text in pair], 5)
        for name in ("all permutations", "one permutation"):
            start = time.process_time()
            if name == "one permutation":
                table = one_permutation(shingles, settings.permutations)
            else:
                table = min_hashes(shingles, permutations=settings.permutations, seed=0)
            seconds = time.process_time() - start
            same = table[:, ::2] == table[:, 1::2]
            found = same.reshape(settings.bands, settings.rows, -1).all(axis=1).any(axis=0)
            error = np.sqrt(((same.mean(axis=0) - true) ** 2).mean())
            size = sum(len(text.encode()) for pair in pairs for text in pair) / 1e6
            print(
                f"{words:5} words  {name:16}  {size / seconds:7.1f} MB/s  error {error:.4f}  "
                f"recall at 0.45 to 0.55 {found[near].mean():.3f} of {near.sum()}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("quality")
    command.add_argument("--megabytes", type=float, default=4)
    command.add_argument("--peer")
    commands.add_parser("speed").add_argument(
        "--megabytes", type=float, nargs="+", default=[10, 100]
    )
    commands.add_parser("hashing")
    command = commands.add_parser("one")
    command.add_argument("folder", type=Path)
    command.add_argument("size", type=float)
    options = vars(parser.parse_args())
    globals()[options.pop("command")](**options)


if __name__ == "__main__":
    main()
