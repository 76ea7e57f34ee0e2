"""Fine-tuning side by side: ours and the Hugging Face Trainer's sequence classification.

    python -m benchmarks.finetune MODEL DATA [--task sst-2] [--rounds 3] [--grouped]

MODEL is a pretrained Transformer folder (`norm: post`: OpenAIGPTForSequenceClassification is the
peer; `norm: pre`: GPT2ForSequenceClassification), DATA the folder of published data sets. Both
contestants start from its weights with a new head, read the same token ids, and train with the same
batch size, epochs, learning rate, warm-up, decay and clipping, without auxiliary loss and without
dropout before the head, which the peer does not have; both measure the validation split after each
epoch. They take turns, round after round, one seed a round. Of speeds the medians count. The clock
covers training and validation, not tokenising or loading; CPU time hardly depends on what else the
machine does. Test accuracies, both after the last epoch, are means over the rounds with their
standard errors; they need many rounds, the whole test split (`--test 872` of SST-2) and no quiet
machine. The peer needs `accelerate`; `--grouped` lets it gather texts of like length, which is off
by default there; `--bucket-batches` lets ours.
"""

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    GPT2Config,
    GPT2ForSequenceClassification,
    OpenAIGPTConfig,
    OpenAIGPTForSequenceClassification,
    Trainer,
    TrainingArguments,
)
from transformers.trainer_callback import PrinterCallback

from gptpath.config.loading import load_params
from gptpath.config.params import Params
from gptpath.finetune.data_sets import TaskRows, read_data_set
from gptpath.finetune.evaluation import Evaluation
from gptpath.finetune.metrics import score
from gptpath.finetune.trainer import finetune
from gptpath.finetune.transformations import Example, Transformation
from gptpath.model.device import configure
from gptpath.model.folder import load_model
from gptpath.model.heads import TaskModel
from gptpath.model.interop import to_gpt2, to_openai_gpt
from gptpath.tokens.encoding import load_encoding

ROOT = Path(__file__).parents[1]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Race:
    """What both contestants are given."""

    model: Path
    params: Params
    labels: int
    train: Sequence[Example]
    validation: Evaluation
    test: Evaluation
    grouped: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lap:
    """One training with its validations, and what it scored on the test split afterwards."""

    seconds: float
    cpu_seconds: float
    accuracy: float


def main() -> None:
    """Run the rounds and print a line for each contestant."""
    options = _options()
    configure(options.threads)
    race = prepare(options)
    contestants = {"ours": run_ours, "transformers": run_theirs}
    found: dict[str, list[Lap]] = {name: [] for name in contestants}
    for seed in range(options.rounds):
        for name, run in contestants.items():
            lap = run(race, seed)
            found[name].append(lap)
            sys.stderr.write(f"round {seed} {name}: {lap}\n")
    seen = len(race.train) * race.params.finetune.epochs
    for name, laps in found.items():
        speed = statistics.median(seen / lap.seconds for lap in laps)
        per_cpu = statistics.median(seen / lap.cpu_seconds for lap in laps)
        sys.stdout.write(
            f"{options.task} {name:12s} {speed:7.1f} examples/s, {per_cpu:7.1f} per CPU second, "
            f"test accuracy {mean([lap.accuracy for lap in laps])}\n"
        )
    pairs = list(zip(*found.values(), strict=True))
    wall = statistics.median(theirs.seconds / ours.seconds for ours, theirs in pairs)
    cpu = statistics.median(theirs.cpu_seconds / ours.cpu_seconds for ours, theirs in pairs)
    better = mean([ours.accuracy - theirs.accuracy for ours, theirs in pairs])
    sys.stdout.write(
        f"{options.task} ours over transformers: {wall:.2f} by the clock, {cpu:.2f} by CPU time, "
        f"accuracy {better} higher\n"
    )


def mean(values: Sequence[float]) -> str:
    """Mean and its standard error; of one value none."""
    error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return f"{statistics.mean(values):.4f} +- {error:.4f}"


def prepare(options: argparse.Namespace) -> Race:
    """Read the data set and turn it into the token ids that both read."""
    params = load_params(ROOT / "profiles" / "finetune-suite.yaml")
    settings = dataclasses.replace(
        params.finetune,
        max_train_examples=options.train,
        max_test_examples=options.test,
        batch_size=options.batch_size,
        bucket_batches=options.bucket_batches,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        schedule="paper",
        classifier_dropout=0.0,
    )
    zeroshot = dataclasses.replace(params.zeroshot, benchmarks_dir=str(options.data.absolute()))
    params = dataclasses.replace(params, finetune=settings, zeroshot=zeroshot)
    task = read_data_set(options.task, params=params, root=ROOT)
    if not isinstance(task, TaskRows) or task.kind not in ("classification", "entailment"):
        raise SystemExit(f"{options.task}: wanted a present data set of one sequence per example")
    config = load_model(options.model).config
    transformation = Transformation(
        kind=task.kind,
        n_labels=len(task.labels),
        encoding=load_encoding(options.model / "tokenizer"),
        vocab_size=config.vocab_size,
        context_length=config.context_length,
    )
    train, validation, test = (
        transformation.examples(rows, labelled=True)
        for rows in (task.train, task.validation, task.test)
    )
    return Race(
        model=options.model,
        params=params,
        labels=len(task.labels),
        train=train,
        validation=Evaluation(examples=validation),
        test=Evaluation(examples=test),
        grouped=options.grouped,
    )


def run_ours(race: Race, seed: int) -> Lap:
    """One lap by our trainer."""
    model = TaskModel(
        load_model(race.model),
        kind="classification",
        n_labels=race.labels,
        dropout=race.params.finetune.classifier_dropout,
        seed=seed,
    )
    last: dict[str, torch.Tensor] = {}
    start, cpu = time.perf_counter(), time.process_time()
    finetune(
        model,
        race.train,
        race.validation,
        settings=race.params.finetune,
        metric="accuracy",
        auxiliary_weight=0.0,
        seed=seed,
        precision="float32",
        on_epoch=lambda: last.update({n: p.clone() for n, p in model.state_dict().items()}),
    )
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    model.load_state_dict(last)  # where theirs stops, not the best epoch by validation
    predicted = race.test.predict(model, precision="float32")
    accuracy = score("accuracy", race.test.labels, predicted)
    return Lap(seconds=seconds, cpu_seconds=cpu, accuracy=accuracy)


def run_theirs(race: Race, seed: int) -> Lap:
    """One lap by the Trainer."""
    settings, model = race.params.finetune, their_model(race, seed)
    updates = settings.epochs * -(-len(race.train) // settings.batch_size)
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=model,
            args=TrainingArguments(
                output_dir=folder,
                num_train_epochs=settings.epochs,
                per_device_train_batch_size=settings.batch_size,
                per_device_eval_batch_size=128,
                learning_rate=settings.learning_rate,
                lr_scheduler_type="linear",
                warmup_steps=round(settings.warmup_fraction * updates),
                weight_decay=settings.weight_decay,
                max_grad_norm=settings.grad_clip,
                optim="adamw_torch_fused",
                train_sampling_strategy="group_by_length" if race.grouped else "random",
                eval_strategy="epoch",
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
                "accuracy": float((p.predictions.argmax(-1) == p.label_ids).mean())
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
    return model


def as_rows(examples: Sequence[Example]) -> list[dict[str, Any]]:
    """Rows as the Trainer wants them."""
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


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--task", default="sst-2")
    parser.add_argument("--train", type=int, default=2000, help="training examples")
    parser.add_argument("--test", type=int, default=500, help="validation and test examples")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--bucket-batches", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--learning-rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--grouped", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
