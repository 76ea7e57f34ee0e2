"""One fine-tuning run: task loss plus the auxiliary language-model loss (GPT-1 sec. 3.2, 4.1)."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from gptpath.config.sections import Finetune
from gptpath.errors import TrainingError
from gptpath.finetune.batches import Batch, by_length, collate, epoch_order
from gptpath.finetune.schedule import warmup_linear
from gptpath.finetune.transformations import Example
from gptpath.model.device import autocast
from gptpath.model.heads import TaskModel

EVALUATION_SEQUENCES = 128
"""Sequences per forward pass without gradients."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FinetuneResult:
    """What one run reached; the model itself is left with the parameters of `best_epoch`."""

    best_epoch: int
    """Counted from 1; the earliest of equals."""
    validation_accuracy: float
    updates: int
    """Optimiser steps of the whole run."""
    tokens_trained: int
    """Real tokens (no padding) that went forward and backward."""
    tokens_evaluated: int


def finetune(
    model: TaskModel,
    train: Sequence[Example],
    validation: Sequence[Example],
    *,
    settings: Finetune,
    auxiliary_weight: float,
    seed: int,
    precision: str,
    on_epoch: Callable[[], None],
) -> FinetuneResult:
    """Train `model` in place and leave it with the parameters of its best validation accuracy.

    `seed` fixes the order of the examples and the dropout; the global random state is left as it
    was. `on_epoch` is called after every epoch.

    Raises:
        TrainingError: the loss is not finite; the message names the update.
    """
    device = next(model.parameters()).device
    optimizer = _optimizer(model, settings)
    lengths = [example.length for example in train]
    per_epoch = len(epoch_order(lengths, settings.batch_size, seed=seed, epoch=0))
    total, step = settings.epochs * per_epoch, 0
    best_accuracy, best_epoch, best = -1.0, 0, {}
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        for epoch in range(1, settings.epochs + 1):
            model.train()
            for indices in epoch_order(lengths, settings.batch_size, seed=seed, epoch=epoch):
                rate = warmup_linear(step / total, warmup_fraction=settings.warmup_fraction)
                for group in optimizer.param_groups:
                    group["lr"] = settings.learning_rate * rate
                batch = collate([train[i] for i in indices]).to(device)
                with autocast(device, precision):
                    loss = total_loss(model, batch, auxiliary_weight)
                _update(model, optimizer, loss, settings.grad_clip, step)
                step += 1
            accuracy = _accuracy(model, validation, precision)
            if accuracy > best_accuracy:
                best_accuracy, best_epoch = accuracy, epoch
                best = {name: value.clone() for name, value in model.state_dict().items()}
            on_epoch()
    model.load_state_dict(best)
    return FinetuneResult(
        best_epoch=best_epoch,
        validation_accuracy=best_accuracy,
        updates=total,
        tokens_trained=settings.epochs * count_tokens(train),
        tokens_evaluated=settings.epochs * count_tokens(validation),
    )


def total_loss(model: TaskModel, batch: Batch, auxiliary_weight: float) -> torch.Tensor:
    """GPT-1 eq. 5: cross-entropy of the labels + lambda x language-model loss, nats."""
    hidden_RTD = model.hidden(batch.tokens_RT)
    scores_BL = model.scores(hidden_RTD, batch.lengths_R)
    loss = F.cross_entropy(scores_BL.float(), batch.labels_B)
    if auxiliary_weight == 0.0:
        return loss
    auxiliary = model.language_model_loss(hidden_RTD, batch.tokens_RT, batch.lengths_R)
    return loss + auxiliary_weight * auxiliary


def probabilities(
    model: TaskModel, examples: Sequence[Example], *, precision: str
) -> list[list[float]]:
    """Probability of every label of every example, in the order of `examples`."""
    device = next(model.parameters()).device
    size = max(1, EVALUATION_SEQUENCES // model.sequences_per_example)
    found: dict[int, list[float]] = {}
    model.eval()
    with torch.inference_mode(), autocast(device, precision):
        for indices in by_length([example.length for example in examples], size):
            batch = collate([examples[i] for i in indices]).to(device)
            scores_BL = model(batch.tokens_RT, batch.lengths_R).float()
            found.update(zip(indices, scores_BL.softmax(-1).tolist(), strict=True))
    return [found[i] for i in range(len(examples))]


def predict(model: TaskModel, examples: Sequence[Example], *, precision: str) -> list[int]:
    """Most probable label of every example; the lowest of equals."""
    rows = probabilities(model, examples, precision=precision)
    return [max(range(len(row)), key=row.__getitem__) for row in rows]


def count_tokens(examples: Sequence[Example]) -> int:
    """Tokens of all sequences, special ones included, padding not."""
    return sum(len(sequence) for example in examples for sequence in example.sequences)


def _accuracy(model: TaskModel, examples: Sequence[Example], precision: str) -> float:
    predicted = predict(model, examples, precision=precision)
    right = sum(p == example.label for p, example in zip(predicted, examples, strict=True))
    return right / len(examples)


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


def _update(
    model: nn.Module, optimizer: torch.optim.Optimizer, loss: torch.Tensor, clip: float, step: int
) -> None:
    if not math.isfinite(loss.item()):
        raise TrainingError(
            f"the loss of fine-tuning update {step} is {loss.item()}; lower finetune.learning_rate"
        )
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(model.parameters(), clip)
    optimizer.step()
