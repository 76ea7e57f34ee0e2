"""One fine-tuning run: task loss plus the auxiliary language-model loss (GPT-1 sec. 3.2, 4.1)."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from gptpath.config.data_sets import Metric
from gptpath.config.finetune import Finetune
from gptpath.errors import TrainingError
from gptpath.finetune.batches import Batch, collate, epoch_order
from gptpath.finetune.evaluation import Evaluation
from gptpath.finetune.metrics import score
from gptpath.finetune.schedule import warmup_linear
from gptpath.finetune.transformations import Example, count_tokens
from gptpath.model.device import autocast, repeatable
from gptpath.model.heads import TaskModel

FIRST_SELECTION = 1000
"""Updates before the first measurement within the first epoch; then 2,000, 4,000 and so on
(finetune-transformer-lm, train.py)."""
UPDATES_BETWEEN_CHECKS = 200
"""How often the loss is looked at: a look makes a GPU wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneResult:
    """What one run reached; the model itself is left with the parameters of `best_update`."""

    best_epoch: int
    """Counted from 1; the earliest of equals."""
    best_update: int
    """Updates made by then."""
    validation_score: float
    updates: int
    """Optimiser steps of the whole run."""
    tokens_trained: int
    """Real tokens (no padding) that went forward and backward."""
    tokens_evaluated: int


def finetune(
    model: TaskModel,
    train: Sequence[Example],
    validation: Evaluation,
    *,
    settings: Finetune,
    metric: Metric,
    auxiliary_weight: float,
    seed: int,
    precision: str,
    on_epoch: Callable[[], None],
) -> FinetuneResult:
    """Train `model` in place and leave it with the parameters of its best validation `metric`.

    It is measured after every epoch, and in the first one also after 1,000, 2,000, 4,000 ...
    updates. `seed` fixes the order of the examples and the dropout; the global random state is
    left as it was. `on_epoch` is called after every epoch.

    Raises:
        TrainingError: the loss is not finite; the message names the update.
    """
    device = next(model.parameters()).device
    per_epoch = -(-len(train) // settings.batch_size)
    best = _Best(model=model, validation=validation, metric=metric, precision=precision)
    learner = _Learner(
        model=model,
        settings=settings,
        auxiliary_weight=auxiliary_weight,
        precision=precision,
        updates=settings.epochs * per_epoch,
    )
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for epoch in range(1, settings.epochs + 1):
            model.train()
            for examples in _batches(train, settings, seed=seed, epoch=epoch):
                learner.update(examples)
                if epoch == 1 and learner.step < per_epoch and _selects_early(learner.step):
                    learner.losses.check()
                    best.measure(epoch, learner.step)
                    model.train()
            learner.losses.check()
            best.measure(epoch, learner.step)
            on_epoch()
    model.load_state_dict(best.state)
    return FinetuneResult(
        best_epoch=best.epoch,
        best_update=best.update,
        validation_score=best.score,
        updates=learner.step,
        tokens_trained=settings.epochs * count_tokens(train),
        tokens_evaluated=best.measured * count_tokens(validation.examples),
    )


def total_loss(model: TaskModel, batch: Batch, auxiliary_weight: float) -> Tensor:
    """GPT-1 eq. 5: cross-entropy of the labels + lambda x language-model loss, nats."""
    hidden_ND = model.hidden(batch.tokens_N, batch.packing)
    scores_BL = model.scores(hidden_ND, batch.extracts_BS)
    loss = model.task_loss(scores_BL.float(), batch.labels_B)
    if auxiliary_weight == 0.0:
        return loss
    assert batch.text is not None, "collated with text for the auxiliary loss"
    return loss + auxiliary_weight * model.language_model_loss(hidden_ND, batch.text)


@dataclass(kw_only=True)
class _Learner:
    """Makes one update after another, on the schedule of `updates` in all."""

    model: TaskModel
    settings: Finetune
    auxiliary_weight: float
    precision: str
    updates: int
    step: int = field(default=0, init=False)
    """Updates made."""

    def __post_init__(self) -> None:
        self._device = next(self.model.parameters()).device
        self._optimizer = _optimizer(self.model, self.settings)
        vocab_size = self.model.language_model.config.vocab_size
        self._text_below = vocab_size if self.auxiliary_weight else None
        self.losses = _LossWatch(self._device)

    def update(self, examples: Sequence[Example]) -> None:
        """Learn from one batch."""
        on_gpu = self._device.type != "cpu"
        batch = collate(examples, text_below=self._text_below, one_grid=on_gpu).to(self._device)
        with repeatable(self._device):
            with autocast(self._device, self.precision):
                loss = total_loss(self.model, batch, self.auxiliary_weight)
            self.losses.add(loss.detach())
            self._apply_gradients(loss)
        self.step += 1

    def _apply_gradients(self, loss: Tensor) -> None:
        settings = self.settings
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * warmup_linear(
                self.step / self.updates,
                warmup_fraction=settings.warmup_fraction,
                shape=settings.schedule,
            )
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), settings.grad_clip)
        self._optimizer.step()


@dataclass(kw_only=True)
class _Best:
    """The best parameters so far by validation; the earliest of equals."""

    model: TaskModel
    validation: Evaluation
    metric: Metric
    precision: str
    score: float = field(default=float("-inf"), init=False)
    epoch: int = field(default=0, init=False)
    update: int = field(default=0, init=False)
    measured: int = field(default=0, init=False)
    """How often."""
    state: dict[str, Tensor] = field(default_factory=dict, init=False)

    def measure(self, epoch: int, update: int) -> None:
        predicted = self.validation.predict(self.model, precision=self.precision)
        reached = score(self.metric, self.validation.labels, predicted)
        self.measured += 1
        if reached > self.score:
            self.score, self.epoch, self.update = reached, epoch, update
            self.state = {name: value.clone() for name, value in self.model.state_dict().items()}


class _LossWatch:
    """Keeps losses on the device and looks at many of them at once."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._losses: list[Tensor] = []
        self._checked = 0

    def add(self, loss: Tensor) -> None:
        self._losses.append(loss)
        if len(self._losses) == UPDATES_BETWEEN_CHECKS:
            self.check()

    def check(self) -> None:
        """Raise TrainingError if a loss since the last look is not finite."""
        if not self._losses:
            return
        values = torch.stack(self._losses).tolist()
        for place, value in enumerate(values):
            if not abs(value) < float("inf"):
                raise TrainingError(
                    f"the loss of fine-tuning update {self._checked + place} is {value}; lower "
                    "finetune.learning_rate"
                )
        self._checked += len(values)
        self._losses.clear()


def _batches(
    examples: Sequence[Example], settings: Finetune, *, seed: int, epoch: int
) -> Iterator[list[Example]]:
    order = epoch_order(
        [example.length for example in examples],
        settings.batch_size,
        bucket_batches=settings.bucket_batches,
        seed=seed,
        epoch=epoch,
    )
    for indices in order:
        yield [examples[i] for i in indices]


def _selects_early(step: int) -> bool:
    """Whether `step` is 1,000, 2,000, 4,000 ..."""
    times, rest = divmod(step, FIRST_SELECTION)
    return rest == 0 and times & (times - 1) == 0


def _optimizer(model: nn.Module, settings: Finetune) -> torch.optim.Optimizer:
    """Adam with decoupled decay on tensors of more than one dimension (released opt.py)."""
    parameters = list(model.parameters())
    groups = [
        {
            "params": [p for p in parameters if p.ndim > 1],
            "weight_decay": settings.weight_decay,
        },
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=settings.learning_rate, betas=(0.9, 0.999), eps=1e-8, fused=True
    )
