"""The command `gptpath`: the stages of dvc.yaml, and what people call by hand.

Nothing heavy is imported here: `gptpath --help` and the data stages load neither torch nor MLflow.
"""

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gptpath import __version__
from gptpath.cli import champions, classify, garbage, models, play, reproduction
from gptpath.errors import ConfigError, GptPathError

STAGES = {
    "ingest": (None, "sources -> cleaned, deduplicated documents and labelled tasks"),
    "tokenizer": (None, "train the byte-level BPE on the train split"),
    "encode": (None, "documents -> token shards"),
    "pretrain": ("MODEL", "pretrain one model of params.yaml"),
    "finetune": ("TASK", "fine-tune on one labelled task, all variants and seeds"),
    "zeroshot": ("MODEL", "ask one model's checkpoints every task without training"),
    "contamination": (None, "n-gram overlap of the test sets with the corpus"),
    "scaling": (None, "loss and scores against size, with fits"),
    "report": (None, "write reports/index.html"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code, 1 with one clear line for a GptPathError."""
    options = _parser().parse_args(arguments)
    try:
        root = find_root(Path.cwd())
        if options.command in STAGES:
            from gptpath.stages.runner import run_stage

            run_stage(root, options.command, getattr(options, "item", None))
        else:
            COMMANDS[options.command](root, options)
    except GptPathError as error:
        sys.stderr.write(f"gptpath {options.command}: {error}\n")
        return 1
    return 0


def find_root(start: Path) -> Path:
    """The checkout around `start`: the nearest folder upwards that holds dvc.yaml."""
    for folder in (start, *start.parents):
        if (folder / "dvc.yaml").is_file():
            return folder
    raise ConfigError(f"no dvc.yaml in {start} or above; run gptpath inside a checkout")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gptpath", description="The research path from GPT-1 to GPT-2."
    )
    parser.add_argument("--version", action="version", version=f"gptpath {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (item, text) in STAGES.items():
        command = commands.add_parser(name, help=f"stage: {text}", description=text)
        if item:
            command.add_argument("item", metavar=item)
    _add_profile(commands)
    commands.add_parser(
        "plan", help="what params.yaml will cost here: tokens, FLOPs, time, memory, disk"
    )
    _add_fetch(commands)
    models.add_commands(commands)
    classify.add_command(commands)
    champions.add_commands(commands)
    play.add_command(commands)
    garbage.add_commands(commands)
    reproduction.add_commands(commands)
    _add_batch(commands)
    _add_tokenizer_report(commands)
    return parser


def _add_profile(commands: Any) -> None:
    command = commands.add_parser("profile", help="write a ready-made params.yaml")
    command.add_argument("name", nargs="?", help="a file of profiles/; none lists them")
    command.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one parameter, e.g. --set ingest.raw=/data/books (repeatable)",
    )


def _add_fetch(commands: Any) -> None:
    command = commands.add_parser(
        "fetch", help="fill the archives of webtext sources; safe to interrupt and run again"
    )
    command.add_argument("source", nargs="?", help="name of one source; none fetches for all")
    command.add_argument(
        "--part",
        default="0/1",
        metavar="I/N",
        help="fetch the hosts of share I (from 0) of N, for several machines or processes",
    )
    command.add_argument(
        "--again", action="store_true", help="also links whose earlier failure may have passed"
    )


def _add_batch(commands: Any) -> None:
    command = commands.add_parser("batch", help="which documents a training step has seen")
    command.add_argument("--step", type=int, required=True, help="update as logged, from 1 on")
    command.add_argument("--model", help="default: the largest model of scaling.models")


def _add_tokenizer_report(commands: Any) -> None:
    command = commands.add_parser(
        "tokenizer-report", help="bytes per token and tokens per word by source, held out"
    )
    command.add_argument(
        "--against",
        action="append",
        default=[],
        type=Path,
        metavar="FOLDER",
        help="a tokenizer folder, or the published files of GPT-2 or GPT-1 (repeatable)",
    )
    command.add_argument(
        "--words", choices=("spacy", "basic"), default="spacy", help="how GPT-1's splits words"
    )
    command.add_argument(
        "--most-bytes", type=int, default=20_000_000, help="of held-out text (default 20 MB)"
    )
    command.add_argument("--json", type=Path, help="default: .scratch/tokenizer-report.json")


def _profile(root: Path, options: argparse.Namespace) -> None:
    from gptpath.config.loading import profile_text

    profiles = root / "profiles"
    if options.name is None:
        names = sorted(path.stem for path in profiles.glob("*.yaml"))
        sys.stdout.write("\n".join(names) + "\n")
        return
    text = profile_text(profiles, options.name, options.changes)
    target = root / "params.yaml"
    ready_made = {path.read_text(encoding="utf-8") for path in profiles.glob("*.yaml")}
    if target.is_file() and target.read_text(encoding="utf-8") not in ready_made | {text}:
        kept = _free_name(root / "params.yaml.previous")
        target.replace(kept)
        sys.stdout.write(f"kept your params.yaml as {kept.name}\n")
    target.write_text(text, encoding="utf-8")
    sys.stdout.write(f"params.yaml is now the profile {options.name}; next: `gptpath plan`\n")


def _free_name(path: Path) -> Path:
    """The path, or the first of `path-2`, `path-3`, ... that nothing has: what is kept stays."""
    names = (path.with_name(f"{path.name}-{number}") for number in itertools.count(2))
    return next(one for one in itertools.chain([path], names) if not one.exists())


def _plan(root: Path, options: argparse.Namespace) -> None:
    del options
    from gptpath.config.loading import load_params
    from gptpath.planning.costs import make_plan, refuse_unfit
    from gptpath.planning.table import render_plan

    plan = make_plan(load_params(root / "params.yaml"), root)
    sys.stdout.write(render_plan(plan) + "\n")
    refuse_unfit(plan)


def _fetch(root: Path, options: argparse.Namespace) -> None:
    from gptpath.stages.fetching import fetch_archives

    fetch_archives(root, source=options.source, part=options.part, again=options.again)


def _batch(root: Path, options: argparse.Namespace) -> None:
    from gptpath.config.loading import load_params
    from gptpath.report.training_batch import batch_windows, render_batch

    params = load_params(root / "params.yaml")
    model = options.model or params.scaling.models[-1]
    windows = batch_windows(root, params, model, options.step)
    sys.stdout.write(render_batch(windows, model, options.step) + "\n")


def _tokenizer_report(root: Path, options: argparse.Namespace) -> None:
    from gptpath.report.tokenizer_report import measure, open_all, render, write_report

    encodings = open_all([root / "data" / "tokenizer", *options.against], words=options.words)
    report = measure(root / "data" / "corpus", encodings, most_bytes=options.most_bytes)
    path = options.json or root / ".scratch" / "tokenizer-report.json"
    write_report(path, report)
    sys.stdout.write(f"{render(report)}\nwritten to {path}\n")


COMMANDS = {
    "profile": _profile,
    "plan": _plan,
    "fetch": _fetch,
    "generate": models.run_generate,
    "classify": classify.run_classify,
    "play": play.run_play,
    "import": models.run_import,
    "export": models.run_export,
    "gate": champions.run_gate,
    "compare": champions.run_compare,
    "rollback": champions.run_rollback,
    "gc": garbage.run_gc,
    "deliver": garbage.run_deliver,
    "reproduce": reproduction.run_reproduce,
    "benchmarks": reproduction.run_benchmarks,
    "batch": _batch,
    "tokenizer-report": _tokenizer_report,
}
