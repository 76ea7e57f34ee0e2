"""Fine-tuning side by side: ours and the Hugging Face Trainer's sequence classification.

    python -m benchmarks.finetune MODEL DATA [--task sst-2] [--rounds 3] [--order ours]

MODEL is a pretrained Transformer folder (`norm: post`: OpenAIGPTForSequenceClassification is the
peer; `norm: pre`: GPT2ForSequenceClassification), DATA the folder of published data sets. Both
contestants start from its weights with a new head, read the same token ids, and train with the same
batch size, epochs, learning rate, warm-up, decay and clipping, without auxiliary loss and without
dropout before the head, which the peer does not have; both measure the validation split after each
epoch. They take turns, round after round, one seed a round. Of speeds the medians count. The clock
covers training and validation, not tokenising or loading; CPU time hardly depends on what else the
machine does. Test accuracies, both after the last epoch, are means over the rounds with their
standard errors; they need many rounds, the whole test split (`--test 872` of SST-2) and no quiet
machine. The peer needs `accelerate`. It shuffles by itself (`--order random`), gathers texts of
like length (`group_by_length`), or starts from our new parameters and reads our batches (`ours`;
our head is then without its bias, as the peer's is): accuracies then differ by rounding alone.
"""

import argparse
import dataclasses
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from benchmarks.finetune_peer import ORDERS, Lap, Race, our_model, run_theirs
from gptpath.config.loading import load_params
from gptpath.finetune.data_sets import TaskRows, read_data_set
from gptpath.finetune.evaluation import Evaluation
from gptpath.finetune.metrics import score
from gptpath.finetune.trainer import finetune
from gptpath.finetune.transformations import Transformation
from gptpath.model.device import configure
from gptpath.model.folder import load_model
from gptpath.tokens.encoding import load_encoding

ROOT = Path(__file__).parents[1]


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
        order=options.order,
    )


def run_ours(race: Race, seed: int) -> Lap:
    """One lap by our trainer."""
    model = our_model(race, seed)
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
    parser.add_argument("--order", choices=ORDERS, default="random", help="the Trainer's batches")
    return parser.parse_args()


if __name__ == "__main__":
    main()
