"""The rows of GPT-1 Table 5: one task fine-tuned with every variant and several seeds."""

import copy
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from gptpath.config.finetune import Finetune
from gptpath.finetune.data_sets import TaskRows
from gptpath.finetune.metrics import scores
from gptpath.finetune.trainer import FinetuneResult, count_tokens, finetune, predict
from gptpath.finetune.transformations import Example, Transformation
from gptpath.model.build import LanguageModel, build_model, flops_per_token
from gptpath.model.heads import TaskModel
from gptpath.tokens.encoding import Encoding


@dataclass(frozen=True, kw_only=True, slots=True)
class Variant:
    """What a variant starts from, and whether it keeps the auxiliary loss."""

    base: Literal["pretrained", "lstm"] = "pretrained"
    """Which model of params.yaml's `finetune` section."""
    fresh: bool = False
    """Only its shape is taken, its parameters are drawn anew."""
    auxiliary: bool = True


VARIANT_TABLE: Mapping[str, Variant] = {
    "full": Variant(),
    "no-pretraining": Variant(fresh=True),
    "no-auxiliary-loss": Variant(auxiliary=False),
    "lstm": Variant(base="lstm"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Base:
    """A pretrained model that variants start from; it is copied, never changed."""

    language_model: LanguageModel
    encoding: Encoding


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One variant with one seed."""

    variant: str
    seed: int
    result: FinetuneResult
    scores: Mapping[str, float]
    """On the test split."""
    tokens: int
    """Real tokens that went through the model, with or without gradients."""
    flops: float
    """An estimate: evaluation costs a third of training, the head counts as used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One task with everything that its runs share."""

    task: TaskRows
    bases: Mapping[str, Base]
    """By `Variant.base`."""
    settings: Finetune
    base_seed: int
    """Mixed into the seed of every run."""
    device: torch.device
    precision: str

    def run_variant(self, name: str, on_epoch: Callable[[], None]) -> list[tuple[Run, TaskModel]]:
        """Fine-tune `VARIANT_TABLE[name]` once per seed; models have their best parameters.

        A seed changes the new parameters, the order of the examples and the dropout, never the
        items. `on_epoch` is called after every epoch of every run.
        """
        config = self.bases[VARIANT_TABLE[name].base].language_model.config
        transformation = Transformation(
            kind=self.task.kind,
            n_labels=len(self.task.labels),
            encoding=self.bases[VARIANT_TABLE[name].base].encoding,
            vocab_size=config.vocab_size,
            context_length=config.context_length,
        )
        train, validation, test = (
            transformation.examples(rows, labelled=True)
            for rows in (self.task.train, self.task.validation, self.task.test)
        )
        return [
            self._run(name, seed, train, validation, test, on_epoch) for seed in self.settings.seeds
        ]

    def _run(
        self,
        name: str,
        seed: int,
        train: Sequence[Example],
        validation: Sequence[Example],
        test: Sequence[Example],
        on_epoch: Callable[[], None],
    ) -> tuple[Run, TaskModel]:
        for_body, for_head, for_training = (
            int(word) for word in np.random.SeedSequence((self.base_seed, seed)).generate_state(3)
        )
        model = self._model(VARIANT_TABLE[name], for_body, for_head)
        result = finetune(
            model,
            train,
            validation,
            settings=self.settings,
            auxiliary_weight=(
                self.settings.auxiliary_weight if VARIANT_TABLE[name].auxiliary else 0.0
            ),
            seed=for_training,
            precision=self.precision,
            on_epoch=on_epoch,
        )
        predicted = predict(model, test, precision=self.precision)
        evaluated = result.tokens_evaluated + count_tokens(test)
        per_token = flops_per_token(model.language_model.config)
        run = Run(
            variant=name,
            seed=seed,
            result=result,
            scores=scores([example.label for example in test], predicted),
            tokens=result.tokens_trained + evaluated,
            flops=per_token * (result.tokens_trained + evaluated / 3),
        )
        return run, model.cpu()

    def _model(self, variant: Variant, body_seed: int, head_seed: int) -> TaskModel:
        base = self.bases[variant.base].language_model
        body = build_model(base.config, seed=body_seed) if variant.fresh else copy.deepcopy(base)
        return TaskModel(
            body,
            kind=self.task.kind,
            n_labels=len(self.task.labels),
            dropout=self.settings.classifier_dropout,
            seed=head_seed,
        ).to(self.device)


def middle_run(runs: Sequence[Run]) -> int:
    """Index of the run to keep: the (lower) median by validation, so that test picks nothing."""
    ranked = sorted(range(len(runs)), key=lambda i: (runs[i].result.validation_accuracy, i))
    return ranked[(len(ranked) - 1) // 2]


def accuracy_summary(runs: Sequence[Run]) -> dict[str, float]:
    """Median, lowest and highest test accuracy over the seeds."""
    accuracies = [run.scores["accuracy"] for run in runs]
    return {
        "median": statistics.median(accuracies),
        "min": min(accuracies),
        "max": max(accuracies),
    }
