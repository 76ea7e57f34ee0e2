"""GPT-1's suite on a machine with nothing but torch, numpy, tiktoken and scikit-learn.

    python -m benchmarks.finetune_study pack PACK     # in a checkout whose stage encode is done
    python -m benchmarks.finetune_study run PACK OUT [--workers 4] [--minutes 5]

`pack` gathers what params.yaml asks for: token shards, tokenizer, both models' shapes and recipes,
and the rows of every data set of matrix.finetune_tasks. `run` pretrains the Transformer and the
LSTM side by side, fine-tunes every variant of every data set in processes of their own, and writes
OUT/metrics/finetune/DATA_SET.json as the stages do: `python -m benchmarks.finetune_suite OUT` makes
tables of them. What does not end in time is left out and named, and the exit code is 1. A model
that an earlier run left whole in OUT/work/BASE is not trained again.
"""

import argparse
import gzip
import json
import multiprocessing
import shutil
import sys
import time
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import torch

from gptpath.config.finetune import Finetune
from gptpath.config.model import ModelConfig
from gptpath.config.params import Recipe
from gptpath.config.sections import Compute
from gptpath.events import Emit, Evaluated, Event
from gptpath.finetune.data_sets import Absent, Counts, TaskRows, read_data_set
from gptpath.finetune.experiment import Base, Experiment, Run
from gptpath.finetune.summary import absent_metrics, task_metrics
from gptpath.finetune.variants import find_variant
from gptpath.model.device import configure, resolve_device
from gptpath.model.folder import load_model
from gptpath.text.json_files import write_json
from gptpath.tokens.encoding import load_encoding
from gptpath.train.job import TrainingJob, train
from gptpath.train.stopping import stop_on_signals

BASES = ("pretrained", "lstm")


def main() -> None:
    """Pack or run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("pack", "run"))
    parser.add_argument("pack", type=Path)
    parser.add_argument("out", type=Path, nargs="?")
    parser.add_argument("--workers", type=int, default=4, help="fine-tunings at a time")
    parser.add_argument("--minutes", type=float, default=60.0, help="limit of the whole run")
    options = parser.parse_args()
    if options.what == "pack":
        pack(options.pack)
        return
    if options.out is None:
        parser.error("run needs a folder OUT")
    end = time.monotonic() + 60 * options.minutes
    late = Study(options.pack, options.out, end).run(options.workers)
    if late:
        sys.exit("not done: " + ", ".join(late))


def pack(folder: Path) -> None:
    """Write everything that `run` needs into `folder`, from the checkout in the current folder."""
    from gptpath.config.loading import load_params

    root = Path.cwd()
    params = load_params(root / "params.yaml")
    shutil.copytree(root / "data" / "tokens", folder / "tokens", dirs_exist_ok=True)
    shutil.copytree(root / "data" / "tokenizer", folder / "tokenizer", dirs_exist_ok=True)
    names = {"pretrained": params.finetune.pretrained, "lstm": params.finetune.lstm}
    models = {
        base: {"config": asdict(params.model_config(name)), "recipe": asdict(params.recipe(name))}
        for base, name in names.items()
    }
    rows = []
    for name in params.matrix.finetune_tasks:
        task = read_data_set(name, params=params, root=root)
        rows.append(asdict(task) | {"absent": isinstance(task, Absent)})
    study = {
        "seed": params.seed,
        "compute": asdict(params.compute),
        "finetune": asdict(params.finetune),
        "models": models,
        "data_sets": rows,
    }
    with gzip.open(folder / "study.json.gz", "wt", encoding="utf-8") as file:
        json.dump(study, file)


@cache
def read_study(folder: Path) -> dict[str, Any]:
    """What `pack` wrote."""
    with gzip.open(folder / "study.json.gz", "rt", encoding="utf-8") as file:
        study: dict[str, Any] = json.load(file)
    return study


def read_rows(values: dict[str, Any]) -> TaskRows | Absent:
    """One of the data sets of a study."""
    values = dict(values)
    if values.pop("absent"):
        return Absent(**values)
    ends = values.pop("score_range")
    values["labels"], values["counts"] = tuple(values["labels"]), Counts(**values["counts"])
    return TaskRows(score_range=None if ends is None else tuple(ends), **values)


class Study:
    """One run of a packed study."""

    def __init__(self, folder: Path, out: Path, end: float) -> None:
        self._folder, self._out, self._end = folder, out, end
        self._study = read_study(folder)
        self._sets = {values["name"]: values for values in self._study["data_sets"]}
        self._found: dict[str, dict[str, list[Run]]] = {name: {} for name in self._sets}
        self._pending: dict[Future[list[Run]], tuple[str, str]] = {}
        self._failed: list[str] = []
        self._metrics("").parent.mkdir(parents=True, exist_ok=True)
        for name, values in self._sets.items():
            if values["absent"]:
                task = read_rows(values)
                assert isinstance(task, Absent), "by what pack wrote"
                write_json(self._metrics(name), absent_metrics(task))

    def run(self, workers: int) -> list[str]:
        """Pretrain, fine-tune, write; returns what was not done."""
        spawn = multiprocessing.get_context("spawn")
        with (
            ProcessPoolExecutor(len(BASES), spawn) as trainers,
            ProcessPoolExecutor(workers, spawn) as pool,
        ):
            waiting = self._bases()
            training = {
                base: trainers.submit(pretrain, self._folder, self._out, base) for base in waiting
            }
            while (waiting or self._pending) and time.monotonic() < self._end:
                for base in [base for base in waiting if training[base].done()]:
                    training[base].result()
                    waiting.remove(base)
                    self._submit(pool, base)
                for future in [future for future in self._pending if future.done()]:
                    self._collect(future)
                time.sleep(0.2)
            late = self._failed + [f"pretraining {base}" for base in waiting]
            late += [f"{name} {variant}" for name, variant in self._pending.values()]
            for executor in (trainers, pool):
                _end(executor)
        for name, found in self._found.items():
            if found:
                self._write(name, found)
        return late

    def _bases(self) -> list[str]:
        """Those that a variant starts from."""
        wanted = {find_variant(name).base for name in self._study["finetune"]["variants"]}
        return [base for base in BASES if base in wanted]

    def _submit(self, pool: ProcessPoolExecutor, base: str) -> None:
        """Queue the fine-tunings that start from `base`, in the order of variants and data sets."""
        for variant in self._study["finetune"]["variants"]:
            if find_variant(variant).base != base:
                continue
            for name, values in self._sets.items():
                if values["absent"]:
                    continue
                future = pool.submit(tune, self._folder, self._out, name, variant)
                self._pending[future] = (name, variant)

    def _collect(self, future: "Future[list[Run]]") -> None:
        name, variant = self._pending.pop(future)
        if (error := future.exception()) is not None:
            tell(f"FAIL {name} {variant}: {type(error).__name__}: {error}")
            self._failed.append(f"{name} {variant}")
            return
        self._found[name][variant] = future.result()
        tell(f"{name} {variant}, {self._end - time.monotonic():.0f} s before the limit")

    def _write(self, name: str, found: dict[str, list[Run]]) -> None:
        runs = {one: found[one] for one in self._study["finetune"]["variants"] if one in found}
        bases = {find_variant(variant).base for variant in runs}
        experiment = make_experiment(self._folder, self._out, name, sorted(bases))
        write_json(self._metrics(name), task_metrics(experiment, runs))

    def _metrics(self, name: str) -> Path:
        return self._out / "metrics" / "finetune" / f"{name}.json"


def pretrain(folder: Path, out: Path, base: str) -> None:
    """Pretrain one of the two models into `out`, its losses beside it."""
    study = read_study(folder)
    entry, compute = study["models"][base], Compute(**study["compute"])
    configure(compute.threads)
    scratch, ledger = out / "work" / base, out / f"pretrain-{base}.json"
    if ledger.exists():
        return
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    job = TrainingJob(
        config=ModelConfig(**entry["config"]),
        recipe=Recipe(**entry["recipe"]),
        seed=study["seed"],
        compute=compute,
        strategy="ddp",
        tokens=folder / "tokens",
        tokenizer=folder / "tokenizer",
        scratch=scratch,
    )
    start = time.monotonic()
    with stop_on_signals() as stop:
        result = train(job, stop=stop, emit=_telling(base))
    write_json(
        ledger,
        {
            "seconds": round(time.monotonic() - start, 1),
            "tokens": result.step * job.recipe.batch_size_sequences * job.config.context_length,
            "final": asdict(result.final),
            "history": asdict(result.history),
            "chip": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        },
    )


def _telling(base: str) -> Emit:
    def emit(event: Event) -> None:
        if isinstance(event, Evaluated):
            tell(f"{base} step {event.step}: {event.values.get('validation/loss'):.3f}")

    return emit


def make_experiment(folder: Path, out: Path, name: str, bases: Sequence[str]) -> Experiment:
    """The experiment of one data set on the pretrained models of `out`."""
    study = read_study(folder)
    task = read_rows(next(one for one in study["data_sets"] if one["name"] == name))
    assert isinstance(task, TaskRows), "only data sets that are here are fine-tuned on"
    compute = Compute(**study["compute"])
    values = study["finetune"]
    tuples = {key: tuple(value) for key, value in values.items() if isinstance(value, list)}
    encoding = load_encoding(folder / "tokenizer")
    return Experiment(
        task=task,
        bases={
            base: Base(language_model=load_model(out / "work" / base / "model"), encoding=encoding)
            for base in bases
        },
        settings=Finetune(**values | tuples),
        base_seed=study["seed"],
        device=resolve_device(compute.device),
        precision=compute.precision,
    )


def tune(folder: Path, out: Path, name: str, variant: str) -> list[Run]:
    """Fine-tune one variant on one data set with every seed."""
    configure(1)
    experiment = make_experiment(folder, out, name, [find_variant(variant).base])
    return [run for run, _ in experiment.run_variant(variant, lambda: None)]


def _end(executor: ProcessPoolExecutor) -> None:
    """Drop what is queued and end what runs."""
    for process in list((executor._processes or {}).values()):
        process.terminate()
    executor.shutdown(wait=False, cancel_futures=True)


def tell(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


if __name__ == "__main__":
    main()
