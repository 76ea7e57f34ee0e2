"""The classifier folder: a model folder whose weights include the head, and classifier.json.

Safetensors and JSON alone: nothing that a folder from elsewhere holds can run code.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NotRequired, TypedDict, cast

import torch

from gptpath.errors import CheckpointError
from gptpath.finetune.evaluation import Evaluation, decide
from gptpath.finetune.regression import score_at
from gptpath.finetune.transformations import Transformation
from gptpath.model.build import empty_model
from gptpath.model.folder import load_config, load_weights, read_tensors, save_model, save_weights
from gptpath.model.heads import TaskKind, TaskModel
from gptpath.text.json_files import write_json
from gptpath.tokens.encoding import Encoding, load_encoding


class Prediction(TypedDict):
    """What a classifier says of one row."""

    label: str
    """The most probable label; for multiple choice the number of the answer, from "0"; for
    regression the anchor nearest to the score."""
    probabilities: dict[str, float]
    score: NotRequired[float]
    """Of a regression: the mean of its anchors by their probabilities."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Classifier:
    """A fine-tuned model, ready to label rows."""

    model: TaskModel
    labels: tuple[str, ...]
    encoding: Encoding
    score_range: tuple[float, float] | None = None
    """Lowest and highest score of a regression."""

    def predict(self, rows: Sequence[Mapping[str, Any]]) -> list[Prediction]:
        """Label rows that have the columns of the task's kind (no `label`), in their order.

        Columns: classification `text`; entailment `premise`, `hypothesis`; similarity and
        regression `text_a`, `text_b`; multiple choice `context`, `choices` (a list of two or more)
        and, where there is one, `question`.

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
            score_range=self.score_range,
        )
        evaluation = Evaluation(examples=transformation.examples(rows, labelled=False))
        found = evaluation.probabilities(self.model, precision="float32")
        return [self._prediction(row) for row in found]

    def _prediction(self, probabilities: Sequence[float]) -> Prediction:
        names = self.labels
        if self.model.kind == "multiple-choice":  # as many as the item has answers
            names = tuple(str(i) for i in range(len(probabilities)))
        place = decide(self.model.kind, probabilities)
        prediction = Prediction(
            label=names[round(place)],
            probabilities=dict(zip(names, probabilities, strict=True)),
        )
        if self.score_range is not None:
            prediction["score"] = score_at(place, self.score_range)
        return prediction


def save_classifier(
    folder: Path,
    model: TaskModel,
    *,
    labels: Sequence[str],
    description: Mapping[str, Any],
    step: int,
    tokenizer_folder: Path,
    score_range: tuple[float, float] | None = None,
) -> None:
    """Write a classifier folder; `description` (task, variant, scores) goes beside the kind."""
    save_model(folder, model.language_model, step=step, tokenizer_folder=tokenizer_folder)
    save_weights(folder / "model.safetensors", model)
    values = {**description, "kind": model.kind, "labels": list(labels)}
    if score_range is not None:
        values["score_range"] = list(score_range)
    write_json(folder / "classifier.json", values)


def load_classifier(folder: Path, *, device: str | torch.device = "cpu") -> Classifier:
    """Load a classifier folder in evaluation mode.

    Raises:
        CheckpointError: a file is missing, corrupt, or does not fit the others.
    """
    description = read_description(folder)
    model = TaskModel(
        empty_model(load_config(folder)),
        kind=description.kind,
        n_labels=len(description.labels),
        dropout=0.0,
        seed=0,
    )
    path = folder / "model.safetensors"
    load_weights(model, read_tensors(path), where=str(path))
    return Classifier(
        model=model.to(device).eval(),
        labels=description.labels,
        encoding=load_encoding(folder / "tokenizer"),
        score_range=description.score_range,
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What classifier.json says of the head."""

    kind: TaskKind
    labels: tuple[str, ...]
    score_range: tuple[float, float] | None


def read_description(folder: Path) -> Description:
    """Read classifier.json; raises CheckpointError if it is missing or makes no sense."""
    path = folder / "classifier.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        ends = values.get("score_range")
        return Description(
            kind=cast("TaskKind", values["kind"]),
            labels=tuple(str(label) for label in values["labels"]),
            score_range=None if ends is None else (float(ends[0]), float(ends[1])),
        )
    except FileNotFoundError:
        raise CheckpointError(
            f"{path.parent} is not a classifier folder: it has no classifier.json; expected an "
            "output of `gptpath finetune`"
        ) from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise CheckpointError(
            f"{path} does not name kind and labels ({error!r}); run its stage again"
        ) from error
