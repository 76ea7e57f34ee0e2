"""The classifier folder: a model folder whose weights include the head, and classifier.json.

Safetensors and JSON alone: nothing that a folder from elsewhere holds can run code.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict, cast

from gptpath.errors import CheckpointError
from gptpath.finetune.trainer import probabilities
from gptpath.finetune.transformations import Transformation
from gptpath.model.build import empty_model
from gptpath.model.folder import load_config, load_weights, read_tensors, save_model, save_weights
from gptpath.model.heads import TaskKind, TaskModel
from gptpath.text.json_files import write_json
from gptpath.tokens.encoding import Encoding, load_encoding


class Prediction(TypedDict):
    """What a classifier says of one row."""

    label: str
    """The most probable label; for multiple choice the number of the answer, from "0"."""
    probabilities: dict[str, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Classifier:
    """A fine-tuned model, ready to label rows."""

    model: TaskModel
    labels: tuple[str, ...]
    encoding: Encoding

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        """Label rows that have the columns of the task's kind (no `label`), in their order.

        Columns: classification `text`; entailment `premise`, `hypothesis`; similarity `text_a`,
        `text_b`; multiple choice `context`, `choices` (a list).

        Raises:
            CorpusError: a column is missing or a text empty; the message shows the row.
        """
        config = self.model.language_model.config
        transformation = Transformation(
            kind=self.model.kind,
            n_labels=len(self.labels),
            encoding=self.encoding,
            vocab_size=config.vocab_size,
            context_length=config.context_length,
        )
        examples = transformation.examples(rows, labelled=False)
        found = probabilities(self.model, examples, precision="float32")
        named = [dict(zip(self.labels, row, strict=True)) for row in found]
        return [Prediction(label=max(p, key=p.__getitem__), probabilities=p) for p in named]


def save_classifier(
    folder: Path,
    model: TaskModel,
    *,
    labels: Sequence[str],
    description: Mapping[str, Any],
    step: int,
    tokenizer_folder: Path,
) -> None:
    """Write a classifier folder; `description` (task, variant, scores) goes beside the kind."""
    save_model(folder, model.language_model, step=step, tokenizer_folder=tokenizer_folder)
    save_weights(folder / "model.safetensors", model)
    values = {**description, "kind": model.kind, "labels": list(labels)}
    write_json(folder / "classifier.json", values)


def load_classifier(folder: Path) -> Classifier:
    """Load a classifier folder on the CPU, in evaluation mode.

    Raises:
        CheckpointError: a file is missing, corrupt, or does not fit the others.
    """
    kind, labels = _read_description(folder / "classifier.json")
    model = TaskModel(
        empty_model(load_config(folder)), kind=kind, n_labels=len(labels), dropout=0.0, seed=0
    )
    path = folder / "model.safetensors"
    load_weights(model, read_tensors(path), where=str(path))
    return Classifier(
        model=model.eval(), labels=labels, encoding=load_encoding(folder / "tokenizer")
    )


def _read_description(path: Path) -> tuple[TaskKind, tuple[str, ...]]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return cast("TaskKind", values["kind"]), tuple(str(label) for label in values["labels"])
    except FileNotFoundError:
        raise CheckpointError(
            f"{path.parent} is not a classifier folder: it has no classifier.json; expected an "
            "output of `gptpath finetune`"
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise CheckpointError(
            f"{path} does not name kind and labels ({error!r}); run its stage again"
        ) from error
