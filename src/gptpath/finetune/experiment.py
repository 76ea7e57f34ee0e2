"""One labelled task fine-tuned with any variant and several seeds, in one process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from gptpath.config.finetune import Finetune
from gptpath.finetune.data_sets import TaskRows
from gptpath.finetune.evaluation import Evaluation, decide
from gptpath.finetune.intervals import bootstrap
from gptpath.finetune.metrics import all_scores, score
from gptpath.finetune.regression import anchor_labels
from gptpath.finetune.trainer import FinetuneResult, finetune
from gptpath.finetune.transformations import Example, Transformation, count_tokens
from gptpath.finetune.variants import Variant, find_variant, starting_model
from gptpath.model.build import LanguageModel, flops_per_token
from gptpath.model.heads import TaskModel
from gptpath.tokens.encoding import Encoding


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
    interval: tuple[float, float]
    """95 % bootstrap interval of the task's metric over the test items."""
    train_score: float | None
    """The metric on the training items, of layer-transfer runs alone (GPT-1 Fig. 2 left)."""
    predicted: Sequence[float]
    """Label, or place among a regression's anchors, of each test item."""
    probabilities: Sequence[Sequence[float]]
    tokens: int
    """Real tokens that went through the model, with or without gradients."""
    flops: float
    """An estimate: evaluation costs a third of training, the head counts as used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Splits:
    """The three splits as token ids of one base."""

    train: Sequence[Example]
    validation: Evaluation
    test: Evaluation

    @property
    def cut(self) -> dict[str, int]:
        """Items of each split whose text did not fit the context and lost its end."""
        parts = {
            "train": self.train,
            "validation": self.validation.examples,
            "test": self.test.examples,
        }
        return {split: sum(e.cut for e in examples) for split, examples in parts.items()}


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
    compile: bool = False
    """torch.compile the blocks of the Transformer, but for attention."""
    _splits: dict[str, Splits] = field(default_factory=dict, init=False)

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the labels; of a regression its anchors."""
        if self.task.score_range is not None:
            return anchor_labels(self.task.score_range)
        return self.task.labels

    def splits(self, base: str) -> Splits:
        """The task's rows in the tokens of a base, transformed once for all its variants."""
        if base not in self._splits:
            config = self.bases[base].language_model.config
            transformation = Transformation(
                kind=self.task.kind,
                n_labels=len(self.labels),
                encoding=self.bases[base].encoding,
                vocab_size=config.vocab_size,
                context_length=config.context_length,
                score_range=self.task.score_range,
            )
            train, validation, test = (
                transformation.examples(rows, labelled=True)
                for rows in (self.task.train, self.task.validation, self.task.test)
            )
            self._splits[base] = Splits(
                train=train,
                validation=Evaluation(examples=validation),
                test=Evaluation(examples=test),
            )
        return self._splits[base]

    def run_variant(self, name: str, on_epoch: Callable[[], None]) -> list[tuple[Run, TaskModel]]:
        """Fine-tune variant `name` once per seed; models have their best parameters.

        A seed changes the new parameters, the order of the examples and the dropout, never the
        items. `on_epoch` is called after every epoch of every run.
        """
        return [self._run(name, seed, on_epoch) for seed in self.settings.seeds]

    def _run(self, name: str, seed: int, on_epoch: Callable[[], None]) -> tuple[Run, TaskModel]:
        for_body, for_head, for_training = (
            int(word) for word in np.random.SeedSequence((self.base_seed, seed)).generate_state(3)
        )
        variant, metric = find_variant(name), self.task.metric
        splits = self.splits(variant.base)
        model = self._model(variant, for_body, for_head)
        result = finetune(
            model,
            splits.train,
            splits.validation,
            settings=self.settings,
            metric=metric,
            auxiliary_weight=self.settings.auxiliary_weight if variant.auxiliary else 0.0,
            seed=for_training,
            precision=self.precision,
            on_epoch=on_epoch,
        )
        rows = splits.test.probabilities(model, precision=self.precision)
        predicted, labels = [decide(model.kind, row) for row in rows], splits.test.labels
        evaluated = result.tokens_evaluated + count_tokens(splits.test.examples)
        train_score = None
        if variant.blocks is not None:
            evaluated += count_tokens(splits.train)
            seen = Evaluation(examples=splits.train)
            guesses = seen.predict(model, precision=self.precision)
            train_score = score(metric, seen.labels, guesses)
        run = Run(
            variant=name,
            seed=seed,
            result=result,
            scores=all_scores(metric, labels, predicted),
            interval=bootstrap(
                metric,
                labels,
                predicted,
                samples=self.settings.bootstrap_samples,
                seed=self.base_seed,
            ),
            train_score=train_score,
            predicted=predicted,
            probabilities=rows,
            tokens=result.tokens_trained + evaluated,
            flops=flops_per_token(model.language_model.config)
            * (result.tokens_trained + evaluated / 3),
        )
        return run, model.cpu()

    def _model(self, variant: Variant, body_seed: int, head_seed: int) -> TaskModel:
        body = starting_model(self.bases[variant.base].language_model, variant, seed=body_seed)
        model = TaskModel(
            body,
            kind=self.task.kind,
            n_labels=len(self.labels),
            dropout=self.settings.classifier_dropout,
            seed=head_seed,
        ).to(self.device)
        if self.compile and body.config.family == "transformer":
            for block in body.get_submodule("h").children():
                # The number of its grids changes from batch to batch: compiled again for each.
                attention = block.get_submodule("attn")
                attention.forward = torch.compiler.disable(attention.forward)
                block.compile(dynamic=True)
        return model
