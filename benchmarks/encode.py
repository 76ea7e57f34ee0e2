"""Encoding side by side: the stage `encode`, tiktoken on one thread, `tokenizers` on all cores.

    python -m benchmarks.encode TEXTS --gpt2 FOLDER [--workers 2] [--rounds 3] [--megabytes 60]

TEXTS is a folder of text files (plain or .gz), from which documents of about 4 kB are cut. FOLDER
holds GPT-2's vocab.bpe and encoder.json. The contestants encode the same documents in turn, round
after round; the medians count. Ours reads corpus shards from disk and leaves checksummed token
shards there, its processes started before the clock; the others get texts in memory and leave ids
there.

MB/s need an idle machine: whoever else computes takes more from two processes than from one thread.
MB per CPU second of all processes concerned hardly depend on that, and are printed beside them.
"""

import argparse
import gzip
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path

import psutil
import tiktoken
from tiktoken_ext.openai_public import r50k_pat_str
from tokenizers import pre_tokenizers

from gptpath.config.sections import Parallel
from gptpath.events import ignore
from gptpath.stages.encode_shard import EncodeJob, encode_shard
from gptpath.text.documents import Document, as_frame, shard_name, write_frame
from gptpath.text.executors import open_executor, run_all
from gptpath.tokens.bpe import END_OF_TEXT, take_bytes, train_ranks, write_tokenizer
from gptpath.tokens.published import gpt2_ranks
from tests.parity.byte_level import hugging_face

SHARDS = 12
DOCUMENT_CHARACTERS = 4000
TRAINED_VOCABULARY = 2048
TRAINED_ON_BYTES = 8_000_000


def main() -> None:
    """Measure both encodings and print a table of MB/s."""
    options = _options()
    texts = read_texts(options.texts, options.megabytes * 1_000_000)
    size = sum(len(text.encode()) for text in texts)
    sample = take_bytes(texts[::2], TRAINED_ON_BYTES)
    encodings = {
        f"trained {TRAINED_VOCABULARY:,}": train_ranks(sample, vocab_size=TRAINED_VOCABULARY)
    }
    if options.gpt2:
        encodings["gpt2"] = gpt2_ranks(options.gpt2)
    parallel = Parallel(workers=options.workers)
    with tempfile.TemporaryDirectory() as name, open_executor(parallel) as executor:
        corpus = write_corpus(Path(name) / "corpus", texts)
        for title, ranks in encodings.items():
            folder = Path(name) / title
            write_tokenizer(folder / "tokenizer", ranks, name=title)
            rows = measure(folder, corpus, texts, ranks, executor, rounds=options.rounds)
            _print(title, size, rows, options.workers)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("texts", type=Path)
    parser.add_argument("--gpt2", type=Path)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=int, default=60)
    return parser.parse_args()


def read_texts(folder: Path, most_bytes: int) -> list[str]:
    """Documents cut from the text files below `folder`, up to `most_bytes`."""
    pieces: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".txt", ".gz", ".jsonl", ".tsv"):
            continue
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
        text = content.decode("utf-8-sig", "replace").replace("\r\n", "\n")
        starts = range(0, len(text), DOCUMENT_CHARACTERS)
        pieces += [text[start : start + DOCUMENT_CHARACTERS] for start in starts]
    return list(take_bytes(pieces, most_bytes))


def write_corpus(folder: Path, texts: list[str]) -> list[Path]:
    """Write the texts as corpus shards."""
    paths: list[Path] = []
    for number in range(SHARDS):
        documents = [
            Document(text=text, source="texts", kind="files", location=str(place), group="texts")
            for place, text in enumerate(texts[number::SHARDS])
        ]
        paths.append(folder / shard_name(number))
        write_frame(paths[-1], as_frame(documents))
    return paths


def measure(
    folder: Path,
    corpus: list[Path],
    texts: list[str],
    ranks: list[bytes],
    executor: Executor,
    *,
    rounds: int,
) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU seconds of each contestant and round; ends if their numbers of ids differ."""
    single = tiktoken.Encoding(
        "single",
        pat_str=r50k_pat_str,
        mergeable_ranks={token: rank for rank, token in enumerate(ranks)},
        special_tokens={END_OF_TEXT: len(ranks)},
    )
    theirs = hugging_face(ranks)
    # As their own GPT-2 tokenizer splits words: faster than a pattern handed in.
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)

    def ours(name: str, shards: list[Path]) -> int:
        jobs = [
            EncodeJob(
                corpus_shard=path,
                tokenizer=folder / "tokenizer",
                fingerprint=str(folder),
                tokens=folder / name / "tokens",
                records=folder / name / "records",
                split="train",
                shard_tokens=100_000_000,
                threads=1,
            )
            for path in shards
        ]
        done = run_all(executor, encode_shard, jobs, emit=ignore, what="shards")
        return sum(record.summary.tokens - record.summary.documents for record in done)

    ours("warm-up", corpus[:4])
    rows: dict[str, list[tuple[float, float]]] = {
        "ours": [],
        "tiktoken, one thread": [],
        "tokenizers, all": [],
    }
    for turn in range(rounds):
        counts = (
            _timed(rows["ours"], lambda turn=turn: ours(f"round {turn}", corpus)),
            _timed(
                rows["tiktoken, one thread"],
                lambda: sum(len(single.encode_ordinary(text)) for text in texts),
            ),
            _timed(
                rows["tokenizers, all"],
                lambda: sum(len(found) for found in theirs.encode_batch_fast(texts)),
            ),
        )
        if len(set(counts)) != 1:
            sys.exit(f"the contestants disagree: {counts} tokens")
    return rows


def _timed(seconds: list[tuple[float, float]], work: Callable[[], int]) -> int:
    start, cpu = time.perf_counter(), _cpu_seconds()
    result = work()
    seconds.append((time.perf_counter() - start, _cpu_seconds() - cpu))
    return result


def _cpu_seconds() -> float:
    """CPU time of this process and of its workers so far."""
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return sum(t.user + t.system for t in times)


def _print(title: str, size: int, rows: dict[str, list[tuple[float, float]]], workers: int) -> None:
    megabytes, load = size / 1e6, os.getloadavg()[0]
    print(f"{title}: {megabytes:.1f} MB, {workers} workers, load {load:.1f}")
    wall = {name: [megabytes / s for s, _ in seconds] for name, seconds in rows.items()}
    cpu = {name: [megabytes / s for _, s in seconds] for name, seconds in rows.items()}
    for name in rows:
        rounds = ", ".join(f"{value:.1f}" for value in wall[name])
        print(
            f"  {name:<22}{statistics.median(wall[name]):7.2f} MB/s ({rounds}); "
            f"{statistics.median(cpu[name]):.2f} MB per CPU second"
        )
    ours, single, theirs = map(statistics.median, wall.values())
    of_cpu = [statistics.median(values) for values in cpu.values()]
    print(f"  ours / ({workers} x tiktoken): {ours / workers / single:.2f} of MB/s")
    print(f"  ours / tiktoken: {of_cpu[0] / of_cpu[1]:.2f} of MB per CPU second")
    print(f"  ours / tokenizers: {ours / theirs:.2f} of MB/s, {of_cpu[0] / of_cpu[2]:.2f} of CPU")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
