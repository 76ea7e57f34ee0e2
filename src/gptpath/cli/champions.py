"""What people do with the registry by hand: gate, compare, rollback."""

import argparse
import sys
from pathlib import Path
from typing import Any

from gptpath.cli.models import model_folder


def add_commands(commands: Any) -> None:
    """Declare the commands."""
    command = commands.add_parser(
        "gate", help="decide whether trained models become champions, and promote those that do"
    )
    command.add_argument("models", nargs="*", metavar="MODEL", help="default: those of gate.models")
    command.add_argument("--json", type=Path, metavar="FILE", help="also write the evidence there")
    command = commands.add_parser("compare", help="the gate's evidence on two models, no promotion")
    command.add_argument("champion", metavar="A", help="a folder, or models:/NAME@champion")
    command.add_argument("challenger", metavar="B", help="the same; better if it predicts better")
    command = commands.add_parser("rollback", help="give the champion's place back to the previous")
    command.add_argument(
        "model", nargs="?", metavar="MODEL", help="default: the largest model of scaling.models"
    )
    command.add_argument("--reason", default="rolled back by hand", help="kept with the decision")


def run_gate(root: Path, options: argparse.Namespace) -> None:
    """Decide, promote and say so; a refusal is a result, not an error."""
    from gptpath.config.loading import load_params
    from gptpath.gate.contenders import gated_models
    from gptpath.gate.decision import markdown
    from gptpath.stages.gating import gate_models
    from gptpath.tracking.decisions import origin_of

    params = load_params(root / "params.yaml")
    names = gated_models(root, params, options.models)
    decisions = gate_models(root, names, origin_of(params.profile))
    if options.json is not None:
        from gptpath.text.json_files import write_json

        write_json(
            options.json,
            [
                one.as_json() | {"sentence": one.sentence(), "page": markdown(one)}
                for one in decisions
            ],
        )
    sys.stdout.write("".join(f"{decision.sentence()}\n" for decision in decisions))


def run_compare(root: Path, options: argparse.Namespace) -> None:
    """Write the evidence on two models."""
    folders = [model_folder(root, model) for model in (options.champion, options.challenger)]
    from gptpath.gate.contenders import Contestant
    from gptpath.gate.decision import Side, markdown
    from gptpath.model.folder import load_config
    from gptpath.stages.gating import Judges
    from gptpath.tokens.encoding import load_encoding

    # Of the challenger the verdict says what is wrong.
    load_config(folders[0])
    load_encoding(folders[0] / "tokenizer")
    champion, challenger = (
        Contestant(side=Side(address=address), folder=folder)
        for address, folder in zip((options.champion, options.challenger), folders, strict=True)
    )
    judge = Judges(root).of(challenger.folder)
    decision = judge.decide(f"{options.challenger}", champion, challenger)
    sys.stdout.write(markdown(decision))


def run_rollback(root: Path, options: argparse.Namespace) -> None:
    """Move the champion's alias back."""
    from gptpath.config.loading import load_params
    from gptpath.tracking.decisions import origin_of, roll_back
    from gptpath.tracking.registration import PREFIX
    from gptpath.tracking.revision import read_revision
    from gptpath.tracking.store import open_client

    params = load_params(root / "params.yaml")
    model = (options.model or params.scaling.models[-1]).removeprefix(PREFIX)
    decision = roll_back(
        open_client(root),
        root,
        PREFIX + model,
        reason=options.reason,
        git_commit=read_revision(root).commit,
        origin=origin_of(params.profile),
    )
    sys.stdout.write(f"{decision.sentence()}\n")
