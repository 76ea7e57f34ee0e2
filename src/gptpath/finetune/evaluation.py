"""Predictions of a fine-tuned model; its batches are made once for all measurements of a run."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from gptpath.finetune.batches import Batch, by_length, collate
from gptpath.finetune.regression import expected_place
from gptpath.finetune.transformations import Example
from gptpath.model.device import autocast
from gptpath.model.heads import TaskKind, TaskModel

EVALUATION_SEQUENCES = 128
"""Sequences per forward pass without gradients."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """Examples to measure on, in batches of like length."""

    examples: Sequence[Example]
    _batches: list[tuple[list[int], Batch]] = field(init=False)

    def __post_init__(self) -> None:
        most = max((len(example.sequences) for example in self.examples), default=1)
        order = by_length(
            [example.length for example in self.examples], max(1, EVALUATION_SEQUENCES // most)
        )
        batches = [(indices, collate([self.examples[i] for i in indices])) for indices in order]
        object.__setattr__(self, "_batches", batches)

    @property
    def labels(self) -> list[float]:
        """The label of each example."""
        return [example.label for example in self.examples]

    def probabilities(self, model: TaskModel, *, precision: str) -> list[list[float]]:
        """Probability of every label of every example, in the order of `examples`.

        Of multiple choice as many as the example has answers.
        """
        device = next(model.parameters()).device
        model.eval()
        with torch.inference_mode(), autocast(device, precision):
            parts = [
                model(batch.tokens_N, batch.packing, batch.extracts_BS).float().softmax(-1)
                for batch in (batch.to(device) for _, batch in self._batches)
            ]
        found: dict[int, list[float]] = {}
        for (indices, _), part in zip(self._batches, parts, strict=True):
            found.update(zip(indices, part.tolist(), strict=True))
        if model.kind != "multiple-choice":
            return [found[i] for i in range(len(self.examples))]
        return [found[i][: len(example.sequences)] for i, example in enumerate(self.examples)]

    def predict(self, model: TaskModel, *, precision: str) -> list[float]:
        """What `decide` says of every example."""
        rows = self.probabilities(model, precision=precision)
        return [decide(model.kind, row) for row in rows]


def decide(kind: TaskKind, probabilities: Sequence[float]) -> float:
    """The most probable label, the lowest of equals; of a regression the mean place."""
    if kind == "regression":
        return expected_place(probabilities)
    return max(range(len(probabilities)), key=probabilities.__getitem__)
