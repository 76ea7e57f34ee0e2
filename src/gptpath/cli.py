"""The command `gptpath`: the stages of dvc.yaml, and what people call by hand.

Nothing heavy is imported here: `gptpath --help` and the data stages load neither torch nor MLflow.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gptpath import __version__
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
    _add_generate(commands)
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


def _add_generate(commands: Any) -> None:
    command = commands.add_parser("generate", help="continue a prompt with a trained model")
    command.add_argument("prompt")
    command.add_argument(
        "--model",
        help="a model folder, or a registry address like models:/gptpath-gpt2-laptop-l@challenger;"
        " the default is the largest model of scaling.models",
    )
    command.add_argument("--tokens", type=int, default=60, help="most tokens to add (default 60)")
    command.add_argument("--temperature", type=float, default=0.8, help="0 is greedy (default 0.8)")
    command.add_argument("--top-k", type=int, default=40, help="0 keeps all tokens (default 40)")
    command.add_argument("--seed", type=int, default=0)


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
        kept = root / "params.yaml.previous"
        target.replace(kept)
        sys.stdout.write(f"kept your params.yaml as {kept.name}\n")
    target.write_text(text, encoding="utf-8")
    sys.stdout.write(f"params.yaml is now the profile {options.name}; next: `gptpath plan`\n")


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


def _generate(root: Path, options: argparse.Namespace) -> None:
    folder = _model_folder(root, options.model)
    from gptpath.model.device import configure
    from gptpath.model.folder import load_model
    from gptpath.model.generation import generate
    from gptpath.tokens.encoding import load_encoding

    configure(threads=1)
    [text] = generate(
        load_model(folder),
        load_encoding(folder / "tokenizer"),
        [options.prompt],
        max_new_tokens=options.tokens,
        temperature=options.temperature,
        top_k=options.top_k or None,
        seed=options.seed,
    )
    sys.stdout.write(options.prompt + text + "\n")


def _model_folder(root: Path, model: str | None) -> Path:
    if model is None:
        from gptpath.config.loading import load_params

        name = load_params(root / "params.yaml").scaling.models[-1]
        return root / "models" / "pretrained" / name
    if model.startswith(("models:", "runs:")):
        from gptpath.tracking.registry import resolve_model

        return resolve_model(root, model)
    return Path(model)


COMMANDS = {"profile": _profile, "plan": _plan, "fetch": _fetch, "generate": _generate}

if __name__ == "__main__":
    sys.exit(main())
