"""Fine-tuning against transformers' Trainer: the same batches lead to the same weights.

Ours reads the sequences of a batch end to end, the Trainer pads them. Only with the same loss,
schedule, clipping and decay are the weights the same after some updates.
"""

import numpy as np
import pytest
import torch
from transformers import (
    OpenAIGPTConfig,
    OpenAIGPTForSequenceClassification,
    Trainer,
    TrainingArguments,
)

from gptpath.config.finetune import Finetune
from gptpath.config.model import ModelConfig
from gptpath.finetune.batches import epoch_order
from gptpath.finetune.evaluation import Evaluation
from gptpath.finetune.trainer import finetune
from gptpath.finetune.transformations import Example
from gptpath.model.build import build_model
from gptpath.model.folder import load_weights
from gptpath.model.heads import TaskModel
from gptpath.model.interop import from_openai_gpt

VOCABULARY, CONTEXT, LABELS, SEED = 61, 24, 3, 5
START, EXTRACT, PAD = VOCABULARY, VOCABULARY + 2, VOCABULARY + 3
SETTINGS = Finetune(
    pretrained="ours",
    lstm="none",
    epochs=3,
    batch_size=8,
    learning_rate=2e-3,
    warmup_fraction=0.25,
    schedule="paper",
    weight_decay=1.0,  # large enough to show
    grad_clip=0.5,  # small enough to act
)


@pytest.fixture
def examples():
    random = np.random.default_rng(SEED)

    def sequence():
        return (START, *random.integers(VOCABULARY, size=random.integers(1, CONTEXT - 2)), EXTRACT)

    return [Example(sequences=(sequence(),), label=int(random.integers(LABELS))) for _ in range(32)]


@pytest.fixture
def theirs():
    torch.manual_seed(SEED)
    return OpenAIGPTForSequenceClassification(
        OpenAIGPTConfig(
            vocab_size=VOCABULARY + 4,
            n_positions=CONTEXT,
            n_embd=32,
            n_layer=2,
            n_head=4,
            num_labels=LABELS,
            pad_token_id=PAD,
            initializer_range=0.2,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    )


def as_ours(theirs):
    config = ModelConfig(
        norm="post", n_layer=2, n_head=4, n_embd=32, context_length=CONTEXT, vocab_size=VOCABULARY
    )
    body = build_model(config, seed=0)
    state = {n: p for n, p in theirs.state_dict().items() if n.startswith("transformer.")}
    table = theirs.transformer.tokens_embed.weight
    state["transformer.tokens_embed.weight"] = state["lm_head.weight"] = table[:VOCABULARY]
    load_weights(body, from_openai_gpt(state), where="transformers")
    ours = TaskModel(body, kind="classification", n_labels=LABELS, dropout=0.0, seed=0)
    with torch.no_grad():
        ours.special.weight.copy_(table[VOCABULARY:PAD])
        ours.head.weight.copy_(theirs.score.weight)
    ours.head.bias.requires_grad_(False)  # theirs has none
    return ours


def padded(rows):
    longest = max(len(row["input_ids"]) for row in rows)
    ids = torch.full((len(rows), longest), PAD)
    for place, row in enumerate(rows):
        ids[place, : len(row["input_ids"])] = torch.tensor(row["input_ids"])
    labels = torch.tensor([row["labels"] for row in rows])
    return {"input_ids": ids, "attention_mask": (ids != PAD).long(), "labels": labels}


def test_the_same_batches_lead_to_the_same_weights(examples, theirs, tmp_path):
    ours, untrained = as_ours(theirs), as_ours(theirs)
    order = [
        index
        for epoch in range(1, SETTINGS.epochs + 1)
        for batch in epoch_order(
            [example.length for example in examples],
            SETTINGS.batch_size,
            bucket_batches=SETTINGS.bucket_batches,
            seed=SEED,
            epoch=epoch,
        )
        for index in batch
    ]
    updates = len(order) // SETTINGS.batch_size
    rows = [
        {"input_ids": [int(i) for i in examples[n].sequences[0]], "labels": examples[n].label}
        for n in order
    ]
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        num_train_epochs=1,
        per_device_train_batch_size=SETTINGS.batch_size,
        train_sampling_strategy="sequential",
        learning_rate=SETTINGS.learning_rate,
        warmup_steps=round(SETTINGS.warmup_fraction * updates),
        weight_decay=SETTINGS.weight_decay,
        max_grad_norm=SETTINGS.grad_clip,
        optim="adamw_torch_fused",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )
    Trainer(model=theirs, args=arguments, train_dataset=rows, data_collator=padded).train()
    last = {}
    finetune(
        ours,
        examples,
        Evaluation(examples=examples),
        settings=SETTINGS,
        metric="accuracy",
        auxiliary_weight=0.0,
        seed=SEED,
        precision="float32",
        on_epoch=lambda: last.update({n: p.clone() for n, p in ours.state_dict().items()}),
    )
    expected = as_ours(theirs).state_dict()
    start = untrained.state_dict()
    for name, weights in last.items():
        torch.testing.assert_close(weights, expected[name], atol=2e-5, rtol=1e-4, msg=name)
        assert name == "head.bias" or not torch.equal(weights, start[name]), f"{name} never moved"
