"""`gptpath classify`: label rows of raw text with a fine-tuned model."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gptpath.cli.models import model_folder, read_lines
from gptpath.cli.numbers import positive
from gptpath.config.data_sets import TEXTS, DataKind
from gptpath.errors import ConfigError, CorpusError

ROWS_AT_ONCE = 1024
"""Rows read and answered together: answers of a long file come while it is read."""


def add_command(commands: Any) -> None:
    """Declare the command."""
    command = commands.add_parser(
        "classify",
        help="label texts with a fine-tuned model",
        description="Writes one JSON object a row: label and probabilities, of a regression the "
        "score too. Texts on the command line are one row each for a classification; for the other "
        "kinds they are one row together: both texts, or the context and then the answers.",
    )
    command.add_argument("text", nargs="*", help="texts to label")
    command.add_argument(
        "--model",
        required=True,
        help="a classifier folder like models/finetuned/TASK/full, or a registry address like "
        "models:/gptpath-gpt1-laptop-package@challenger",
    )
    command.add_argument(
        "--file",
        type=Path,
        metavar="FILE.jsonl",
        help="one JSON object a line, with the columns of the task's kind (docs/formats.md); - is "
        "standard input",
    )
    command.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    command.add_argument("--threads", type=positive, help="CPU threads (default: one a core)")


def run_classify(root: Path, options: argparse.Namespace) -> None:
    """Label the rows and write one JSON object for each."""
    if not options.text and options.file is None:
        raise ConfigError("nothing to label; give texts, or --file with one JSON object a line")
    folder = model_folder(root, options.model)
    from gptpath.finetune.folder import load_classifier
    from gptpath.model.device import configure, resolve_device

    configure(threads=options.threads or os.cpu_count() or 1)
    classifier = load_classifier(folder, device=resolve_device(options.device))
    rows = [*rows_of_texts(classifier.model.kind, options.text), *_read_rows(options.file)]
    for start in range(0, len(rows), ROWS_AT_ONCE):
        for prediction in classifier.predict(rows[start : start + ROWS_AT_ONCE]):
            sys.stdout.write(json.dumps(prediction, ensure_ascii=False) + "\n")


def rows_of_texts(kind: DataKind, texts: Sequence[str]) -> list[dict[str, Any]]:
    """Rows made of the texts of a command line."""
    if not texts:
        return []
    columns = TEXTS[kind]
    if kind == "classification":
        return [{"text": text} for text in texts]
    if kind == "multiple-choice":
        if len(texts) < 3:
            raise ConfigError(f"{len(texts)} texts; expected the context and two answers or more")
        return [{"context": texts[0], "choices": list(texts[1:])}]
    if len(texts) != 2:
        raise ConfigError(f"{len(texts)} texts; expected two: {' and '.join(columns)}")
    return [dict(zip(columns, texts, strict=True))]


def _read_rows(path: Path | None) -> list[Mapping[str, Any]]:
    return [
        _parse(line, f"{path}:{number}")
        for number, line in enumerate(read_lines("--file", path), start=1)
        if line.strip()
    ]


def _parse(line: str, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise CorpusError(f"{where} is not JSON ({error}): {line!r:.200}") from None
    if not isinstance(row, dict):
        raise CorpusError(f"{where} is not a JSON object of columns: {line!r:.200}")
    return row
