"""Stage finetune: one labelled task, all variants and seeds in one process (GPT-1 Table 5)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gptpath.config.finetune import Finetune
from gptpath.errors import ConfigError
from gptpath.events import Evaluated, ModelFinished, Progress
from gptpath.finetune.data_sets import TaskRows, read_task
from gptpath.finetune.folder import save_classifier
from gptpath.finetune.metrics import majority_accuracy
from gptpath.finetune.variants import (
    VARIANT_TABLE,
    Base,
    Experiment,
    Run,
    accuracy_summary,
    middle_run,
)
from gptpath.model.device import configure, resolve_device
from gptpath.model.folder import load_model
from gptpath.model.heads import TaskModel
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.json_files import write_json
from gptpath.text.labelled.task_files import TaskSpec, read_specs
from gptpath.tokens.encoding import load_encoding


def run(context: StageContext) -> StageOutcome:
    """Fine-tune on task `context.item`; a task that the corpus lacks is written as absent.

    Raises:
        ConfigError: there is no such task.
        CorpusError: an item cannot be used; the message shows it.
    """
    settings, compute = context.params.finetune, context.params.compute
    folder = context.path("data", "tasks")
    specs = read_specs(folder)
    task = context.item or ""
    if task not in specs:
        raise ConfigError(f"no task {task!r} in {folder}; known: {', '.join(sorted(specs))}")
    models = context.path("models", "finetuned", task)
    models.mkdir(parents=True, exist_ok=True)
    metrics = context.path("metrics", "finetune", f"{task}.json")
    spec = specs[task]
    if spec.absent is not None:
        write_json(metrics, _absent(spec))
        return StageOutcome()
    configure(compute.threads)
    experiment = Experiment(
        task=read_task(
            folder,
            spec,
            max_train=settings.max_train_examples,
            max_evaluated=settings.max_test_examples,
        ),
        bases=_bases(context),
        settings=settings,
        base_seed=context.params.seed,
        device=resolve_device(compute.device),
        precision=compute.precision,
    )
    runs = _run_all(context, experiment, models)
    write_json(metrics, _metrics(experiment.task, runs))
    summary = {f"{name}/accuracy_median": accuracy_summary(r)["median"] for name, r in runs.items()}
    context.emit(Evaluated(step=None, values=summary))
    every = [run for of_variant in runs.values() for run in of_variant]
    return StageOutcome(
        metrics=summary, tokens=sum(r.tokens for r in every), flops=sum(r.flops for r in every)
    )


def _bases(context: StageContext) -> dict[str, Base]:
    """Load each pretrained model once; runs copy it."""
    settings = context.params.finetune
    wanted = {VARIANT_TABLE[name].base for name in settings.variants}
    folders = {base: _base_folder(context, base) for base in sorted(wanted)}
    return {
        base: Base(language_model=load_model(folder), encoding=load_encoding(folder / "tokenizer"))
        for base, folder in folders.items()
    }


def _base_name(settings: Finetune, base: str) -> str:
    return settings.lstm if base == "lstm" else settings.pretrained


def _base_folder(context: StageContext, base: str) -> Path:
    return context.path("models", "pretrained", _base_name(context.params.finetune, base))


def _run_all(context: StageContext, experiment: Experiment, models: Path) -> dict[str, list[Run]]:
    """Run every variant; one model folder of each is kept."""
    settings = experiment.settings
    total = len(settings.variants) * len(settings.seeds) * settings.epochs
    done = 0

    def on_epoch() -> None:
        nonlocal done
        done += 1
        context.emit(Progress(done=done, total=total, what="epochs"))

    found: dict[str, list[Run]] = {}
    for name in settings.variants:
        trials = experiment.run_variant(name, on_epoch)
        found[name] = [run for run, _ in trials]
        run, model = trials[middle_run(found[name])]
        _keep(context, experiment.task, run, model, accuracy_summary(found[name]), models / name)
    return found


def _keep(
    context: StageContext,
    task: TaskRows,
    run: Run,
    model: TaskModel,
    summary: Mapping[str, float],
    folder: Path,
) -> None:
    base = VARIANT_TABLE[run.variant].base
    name = _base_name(context.params.finetune, base)
    save_classifier(
        folder,
        model,
        labels=task.labels,
        description={
            "task": task.name,
            "variant": run.variant,
            "seed": run.seed,
            "pretrained": name,
            "scores": dict(run.scores),
        },
        step=run.result.updates,
        tokenizer_folder=_base_folder(context, base) / "tokenizer",
    )
    suffix = "" if run.variant in ("full", "lstm") else f"-{run.variant}"
    metrics = dict(run.scores) | {f"accuracy_{key}": value for key, value in summary.items()}
    context.emit(
        ModelFinished(
            name=f"{name}-{task.name}{suffix}", path=folder, kind="classifier", metrics=metrics
        )
    )


def _metrics(task: TaskRows, runs: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """The contents of metrics/finetune/TASK.json (docs/formats.md)."""
    return {
        "task": task.name,
        "kind": task.kind,
        "metric": "accuracy",
        "labels": list(task.labels),
        "chance": 1 / len(task.labels),
        "majority": majority_accuracy(
            [row["label"] for row in task.train], [row["label"] for row in task.test]
        ),
        "train_items": len(task.train),
        "validation_items": len(task.validation),
        "test_items": len(task.test),
        "rows": [_row(run) for of_variant in runs.values() for run in of_variant],
        "summary": {name: accuracy_summary(of_variant) for name, of_variant in runs.items()},
    }


def _absent(spec: TaskSpec) -> dict[str, Any]:
    """The same file of a task that this corpus cannot yield."""
    return {
        "task": spec.name,
        "kind": spec.kind,
        "metric": "accuracy",
        "absent": spec.absent,
        "test_items": 0,
        "rows": [],
        "summary": {},
    }


def _row(run: Run) -> dict[str, Any]:
    return {
        "variant": run.variant,
        "seed": run.seed,
        **run.scores,
        "validation_accuracy": run.result.validation_accuracy,
        "best_epoch": run.result.best_epoch,
    }
