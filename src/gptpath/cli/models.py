"""What people do with a model by hand: generate, import, export."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gptpath.cli.numbers import positive
from gptpath.errors import ConfigError

MODEL_HELP = (
    "a model folder, or a registry address like models:/gptpath-gpt2-laptop-l@challenger; the "
    "default is the largest model of scaling.models"
)


def add_commands(commands: Any) -> None:
    """Declare the three commands."""
    _add_generate(commands)
    _add_import(commands)
    _add_export(commands)


def _add_generate(commands: Any) -> None:
    command = commands.add_parser("generate", help="continue prompts with a trained model")
    command.add_argument("prompt", nargs="*", help="texts to continue, side by side")
    command.add_argument(
        "--prompts", type=Path, metavar="FILE", help="one more prompt a line; - is standard input"
    )
    command.add_argument("--model", help=MODEL_HELP)
    command.add_argument("--tokens", type=int, default=60, help="most tokens to add (default 60)")
    command.add_argument("--temperature", type=float, default=0.8, help="0 is greedy (default 0.8)")
    command.add_argument("--top-k", type=int, default=40, help="0 keeps all tokens (default 40)")
    command.add_argument(
        "--top-p", type=float, default=1.0, help="share of probability kept (default 1: all)"
    )
    command.add_argument(
        "--samples", type=int, default=1, help="continuations a prompt (default 1)"
    )
    command.add_argument("--seed", type=int, default=0)
    command.add_argument(
        "--stop",
        action="append",
        default=[],
        metavar="TEXT",
        help="end before this text, e.g. --stop $'\\n' (repeatable)",
    )
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    command.add_argument("--threads", type=positive, help="CPU threads (default: one a core)")


def _add_import(commands: Any) -> None:
    command = commands.add_parser("import", help="make a model folder from published weights")
    command.add_argument(
        "source",
        help="gpt2, gpt2-medium, gpt2-large, gpt2-xl, openai-gpt (from the Hugging Face hub), a "
        "folder in transformers' layout, or OpenAI's original files of GPT-1",
    )
    command.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    command.add_argument("--revision", help="commit, tag or branch of the hub (default: main)")
    command.add_argument(
        "--tokenizer", type=Path, metavar="FOLDER", help="where the tokenizer's files are instead"
    )
    _add_words(command, "split words, for GPT-1 (default: as its weights were trained, spacy)")


def _add_export(commands: Any) -> None:
    command = commands.add_parser("export", help="make a folder that transformers loads")
    command.add_argument("model", help=MODEL_HELP.partition(";")[0])
    command.add_argument("--to", type=Path, required=True, metavar="FOLDER")
    command.add_argument("--step", type=int, help="a published checkpoint (default: the last)")
    _add_words(command, "split words, for GPT-1: transformers knows basic alone")


def _add_words(command: Any, text: str) -> None:
    command.add_argument("--words", choices=("spacy", "basic"), help=text)


def run_generate(root: Path, options: argparse.Namespace) -> None:
    """Write the prompts with their continuations."""
    prompts = [*options.prompt, *read_lines("--prompts", options.prompts)]
    if not prompts:
        raise ConfigError('nothing to continue; give a prompt ("" starts a document) or --prompts')
    folder = model_folder(root, options.model)
    from gptpath.model.device import configure, resolve_device
    from gptpath.model.folder import load_model
    from gptpath.model.generation import generate_samples
    from gptpath.model.sampling import Sampling
    from gptpath.tokens.encoding import load_encoding

    sampling = Sampling(
        temperature=options.temperature, top_k=options.top_k or None, top_p=options.top_p
    )
    configure(threads=options.threads or os.cpu_count() or 1)
    texts = generate_samples(
        load_model(folder, device=resolve_device(options.device)),
        load_encoding(folder / "tokenizer"),
        prompts,
        max_new_tokens=options.tokens,
        sampling=sampling,
        samples=options.samples,
        seed=options.seed,
        stop=options.stop,
    )
    sys.stdout.write(_listed(prompts, texts))


def run_import(root: Path, options: argparse.Namespace) -> None:
    """Write a model folder and say what came."""
    del root
    from gptpath.exchange.importing import import_model

    done = import_model(
        options.source,
        options.to,
        revision=options.revision,
        tokenizer=options.tokenizer,
        words=options.words,
    )
    sys.stdout.write(
        f"{done.folder}: {done.parameters:,} parameters, vocabulary {done.vocab_size:,}, from "
        f"{done.source}\n"
    )


def run_export(root: Path, options: argparse.Namespace) -> None:
    """Write a folder for transformers."""
    folder = model_folder(root, options.model)
    from gptpath.exchange.exporting import export_model

    export_model(folder, options.to, step=options.step, words=options.words)
    sys.stdout.write(f"{options.to}: AutoModelForCausalLM and AutoTokenizer load it\n")


def model_folder(root: Path, model: str | None) -> Path:
    """The folder of a model given by path, by registry address, or not at all."""
    if model is None:
        from gptpath.config.loading import load_params

        name = load_params(root / "params.yaml").scaling.models[-1]
        return root / "models" / "pretrained" / name
    if model.startswith(("models:", "runs:")):
        from gptpath.tracking.registry import resolve_model

        return resolve_model(root, model)
    return Path(model)


def read_lines(option: str, path: Path | None) -> list[str]:
    """Lines of the file given by an option, of standard input for `-`; none where none is given."""
    if path is None:
        return []
    try:
        text = sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{option} {path} cannot be read: {error}") from None
    # Not str.splitlines: a line may hold U+2028 and its like.
    text = text.removeprefix("\ufeff")
    return text.removesuffix("\n").split("\n") if text else []


def _listed(prompts: Sequence[str], texts: Sequence[Sequence[str]]) -> str:
    """Each prompt with its continuation; where there are several, a line says which."""
    wholes = [
        (f"--- prompt {place}, sample {number} ---", f"{prompt}{text}\n")
        for place, (prompt, of_prompt) in enumerate(zip(prompts, texts, strict=True), start=1)
        for number, text in enumerate(of_prompt, start=1)
    ]
    if len(wholes) == 1:
        return wholes[0][1]
    return "".join(f"{title}\n{whole}" for title, whole in wholes)
