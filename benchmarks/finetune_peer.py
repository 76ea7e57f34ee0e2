"""What `benchmarks.finetune` races, and its peer: transformers' Trainer."""

import dataclasses
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader
from transformers import (
    GPT2Config,
    GPT2ForSequenceClassification,
    OpenAIGPTConfig,
    OpenAIGPTForSequenceClassification,
    Trainer,
    TrainingArguments,
)
from transformers.trainer_callback import PrinterCallback

from gptpath.config.params import Params
from gptpath.finetune.batches import epoch_order
from gptpath.finetune.evaluation import Evaluation
from gptpath.finetune.transformations import Example
from gptpath.model.folder import load_model
from gptpath.model.heads import TaskModel
from gptpath.model.interop import to_gpt2, to_openai_gpt

ORDERS = ("random", "group_by_length", "ours")
"""Whose batches the Trainer reads: its own in two ways, or ours."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Race:
    """What both contestants are given."""

    model: Path
    params: Params
    labels: int
    train: Sequence[Example]
    validation: Evaluation
    test: Evaluation
    order: str
    """One of ORDERS."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lap:
    """One training with its validations, and what it scored on the test split afterwards."""

    seconds: float
    cpu_seconds: float
    accuracy: float


def our_model(race: Race, seed: int) -> TaskModel:
    """Our classifier; without the head's bias where both are to start alike."""
    model = TaskModel(
        load_model(race.model),
        kind="classification",
        n_labels=race.labels,
        dropout=race.params.finetune.classifier_dropout,
        seed=seed,
    )
    model.head.bias.requires_grad_(race.order != "ours")
    return model


def run_theirs(race: Race, seed: int) -> Lap:
    """One lap by the Trainer."""
    settings, model = race.params.finetune, their_model(race, seed)
    updates = settings.epochs * -(-len(race.train) // settings.batch_size)
    own_order = race.order == "ours"
    kind = partial(_OurBatches, order=our_batches(race, seed)) if own_order else Trainer
    with tempfile.TemporaryDirectory() as folder:
        trainer = kind(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=1 if own_order else settings.epochs,
                per_device_train_batch_size=settings.batch_size,
                per_device_eval_batch_size=128,
                learning_rate=settings.learning_rate,
                lr_scheduler_type="linear",
                warmup_steps=round(settings.warmup_fraction * updates),
                weight_decay=settings.weight_decay,
                max_grad_norm=settings.grad_clip,
                optim="adamw_torch_fused",
                train_sampling_strategy="random" if own_order else race.order,
                eval_strategy="steps",
                eval_steps=updates // settings.epochs,
                save_strategy="no",
                logging_strategy="epoch",
                report_to=[],
                disable_tqdm=True,
                use_cpu=not torch.cuda.is_available(),
                seed=seed,
            ),
            train_dataset=as_rows(race.train),
            eval_dataset=as_rows(race.validation.examples),
            data_collator=lambda rows: pad(rows, model.config.pad_token_id),
            compute_metrics=lambda p: {
                "accuracy": float((np.argmax(p.predictions, -1) == p.label_ids).mean())
            },
        )
        trainer.remove_callback(PrinterCallback)
        start, cpu = time.perf_counter(), time.process_time()
        trainer.train()
        seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
        found = trainer.predict(as_rows(race.test.examples))
    assert found.metrics is not None
    accuracy = float(found.metrics["test_accuracy"])
    return Lap(seconds=seconds, cpu_seconds=cpu, accuracy=accuracy)


def their_model(race: Race, seed: int) -> Any:
    """Their classifier with the same pretrained weights; three special tokens and padding added."""
    ours = load_model(race.model)
    config = ours.config
    shape: dict[str, Any] = {
        "vocab_size": config.vocab_size + 4,
        "n_positions": config.context_length,
        "n_embd": config.n_embd,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "num_labels": race.labels,
        "pad_token_id": config.vocab_size + 3,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
    }
    torch.manual_seed(seed)
    if config.norm == "post":
        model: Any = OpenAIGPTForSequenceClassification(OpenAIGPTConfig(**shape))
        state, table = to_openai_gpt(ours.state_dict()), "transformer.tokens_embed.weight"
    else:
        model = GPT2ForSequenceClassification(GPT2Config(**shape, eos_token_id=0, bos_token_id=0))
        state, table = to_gpt2(ours.state_dict()), "transformer.wte.weight"
    state.pop("lm_head.weight")
    state[table] = torch.cat([state[table], model.state_dict()[table][-4:]])
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert missing == ["score.weight"], missing
    assert not unexpected, unexpected
    if race.order == "ours":
        new = our_model(race, seed)
        with torch.no_grad():
            model.get_parameter(table)[-4:-1] = new.special.weight
            model.score.weight.copy_(new.head.weight)
    return model


class _OurBatches(Trainer):
    """Reads the batches of `order`, all epochs in one."""

    def __init__(self, *, order: list[list[int]], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.order = order

    def get_train_dataloader(self) -> DataLoader[Any]:
        rows: Any = self.train_dataset
        return DataLoader(rows, batch_sampler=self.order, collate_fn=self.data_collator)


def our_batches(race: Race, seed: int) -> list[list[int]]:
    """Indices of every batch that our trainer makes of all epochs."""
    settings = race.params.finetune
    return [
        batch
        for epoch in range(1, settings.epochs + 1)
        for batch in epoch_order(
            [example.length for example in race.train],
            settings.batch_size,
            bucket_batches=settings.bucket_batches,
            seed=seed,
            epoch=epoch,
        )
    ]


def as_rows(examples: Sequence[Example]) -> Any:
    """Rows as the Trainer wants them: a list, though it says that it wants a Dataset."""
    return [{"input_ids": list(e.sequences[0]), "labels": int(e.label)} for e in examples]


def pad(rows: Sequence[dict[str, Any]], fill: int) -> dict[str, torch.Tensor]:
    """As DataCollatorWithPadding does: to the longest row of the batch."""
    longest = max(len(row["input_ids"]) for row in rows)
    ids = np.full((len(rows), longest), fill)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for place, row in enumerate(rows):
        ids[place, : len(row["input_ids"])] = row["input_ids"]
        mask[place, : len(row["input_ids"])] = 1
    return {
        "input_ids": torch.from_numpy(ids),
        "attention_mask": torch.from_numpy(mask),
        "labels": torch.tensor([row["labels"] for row in rows]),
    }
