"""`gptpath reproduce`: a paper's row from its published weights; `gptpath benchmarks`."""

import argparse
import logging
import os
import sys
from pathlib import Path
from typing import Any

from gptpath.cli.numbers import positive

MODELS = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "openai-gpt")


def add_commands(commands: Any) -> None:
    """Declare both commands."""
    _add_benchmarks(commands)
    command = commands.add_parser(
        "reproduce", help="fill a paper's row from its published weights, ours beside the printed"
    )
    command.add_argument("name", choices=MODELS, help="which row")
    command.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="DIR",
        help="a folder in transformers' layout or OpenAI's files (default: the Hugging Face hub)",
    )
    command.add_argument(
        "--benchmarks", type=Path, metavar="DIR", help="default: zeroshot.benchmarks_dir"
    )
    command.add_argument(
        "--to", type=Path, metavar="FOLDER", help="default: .scratch/reproduce/NAME"
    )
    command.add_argument("--max-items", type=positive, help="most items a task (default: all)")
    command.add_argument("--batch-size", type=positive, default=16)
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    command.add_argument("--precision", choices=("float32", "bfloat16"), default="float32")
    command.add_argument("--threads", type=positive, help="CPU threads (default: one a core)")
    command.add_argument(
        "--tokenizer", type=Path, metavar="FOLDER", help="where the tokenizer's files are instead"
    )
    command.add_argument("--words", choices=("spacy", "basic"), help="split words, for GPT-1")


def _add_benchmarks(commands: Any) -> None:
    command = commands.add_parser(
        "benchmarks", help="write benchmarks of the Hugging Face hub into zeroshot.benchmarks_dir"
    )
    command.add_argument(
        "names", nargs="*", metavar="NAME", help="none lists those that can be had"
    )
    command.add_argument("--revision", help="commit, tag or branch (default: the present one)")
    command.add_argument("--to", type=Path, metavar="DIR", help="default: zeroshot.benchmarks_dir")


def run_benchmarks(root: Path, options: argparse.Namespace) -> None:
    """Write each named benchmark and say where it comes from."""
    from gptpath.zeroshot.benchmarks.hub import NAMES, fetch_benchmark

    if not options.names:
        sys.stdout.write("\n".join(NAMES) + "\n")
    for name in options.names:
        done = fetch_benchmark(name, options.to or _benchmarks(root), revision=options.revision)
        sys.stdout.write(f"{done.path}: {done.rows:,} rows of {done.source}\n")


def run_reproduce(root: Path, options: argparse.Namespace) -> None:
    """Fill the row and print it."""
    from gptpath.stages.reproducing import Request, render, reproduce

    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stdout)
    logging.getLogger("gptpath").setLevel(logging.INFO)
    to = options.to or root / ".scratch" / "reproduce" / options.name
    filled = reproduce(
        Request(
            name=options.name,
            source=options.source,
            benchmarks=options.benchmarks or _benchmarks(root),
            to=to,
            max_items=options.max_items,
            batch_size=options.batch_size,
            device=options.device,
            precision=options.precision,
            threads=options.threads or os.cpu_count() or 1,
            tokenizer=options.tokenizer,
            words=options.words,
        )
    )
    sys.stdout.write(f"{render(filled)}\nwritten to {to}\n")


def _benchmarks(root: Path) -> Path:
    from gptpath.config.loading import load_params

    return root / load_params(root / "params.yaml").zeroshot.benchmarks_dir
