"""Stage finetune: one labelled task, all variants and seeds in one process (GPT-1 Table 5)."""

import logging
from collections.abc import Sequence
from pathlib import Path

from gptpath.config.finetune import Finetune
from gptpath.events import Evaluated, ModelFinished, Progress
from gptpath.finetune.data_sets import Absent, read_data_set
from gptpath.finetune.experiment import Base, Experiment, Run
from gptpath.finetune.folder import save_classifier
from gptpath.finetune.predictions import write_predictions
from gptpath.finetune.summary import absent_metrics, task_metrics
from gptpath.finetune.variants import find_variant, middle, spread_of, transfer_names
from gptpath.model.device import configure, resolve_device
from gptpath.model.folder import load_model
from gptpath.model.heads import TaskModel
from gptpath.stages.context import StageContext, StageOutcome
from gptpath.text.json_files import write_json
from gptpath.tokens.encoding import load_encoding

logger = logging.getLogger(__name__)


def run(context: StageContext) -> StageOutcome:
    """Fine-tune on task `context.item`; a task that is not here is written as absent.

    Raises:
        ConfigError: there is no such task.
        CorpusError: an item cannot be used; the message shows it.
    """
    compute = context.params.compute
    name = context.item or ""
    task = read_data_set(name, params=context.params, root=context.root)
    models = context.path("models", "finetuned", name)
    models.mkdir(parents=True, exist_ok=True)
    metrics = context.path("metrics", "finetune", f"{name}.json")
    predictions = context.path("metrics", "finetune", f"{name}.parquet")
    if isinstance(task, Absent):
        write_json(metrics, absent_metrics(task))
        write_predictions(predictions, None, ())
        return StageOutcome()
    configure(compute.threads)
    experiment = Experiment(
        task=task,
        bases=_bases(context),
        settings=context.params.finetune,
        base_seed=context.params.seed,
        device=resolve_device(compute.device),
        precision=compute.precision,
        compile=compute.compile,
    )
    _warn_of_cut_texts(experiment)
    runs = _run_all(context, experiment, models)
    every = [run for of_variant in runs.values() for run in of_variant]
    write_json(metrics, task_metrics(experiment, runs))
    write_predictions(predictions, task, every)
    summary = {
        f"{variant}/{task.metric}_median": spread_of([run.scores[task.metric] for run in found])[
            "median"
        ]
        for variant, found in runs.items()
    }
    context.emit(Evaluated(step=None, values=summary))
    return StageOutcome(
        metrics=summary, tokens=sum(r.tokens for r in every), flops=sum(r.flops for r in every)
    )


def _warn_of_cut_texts(experiment: Experiment) -> None:
    for base in experiment.bases:
        splits = experiment.splits(base)
        if any(splits.cut.values()):
            logger.warning(
                "%s: texts longer than the context of %s lost their end: %s",
                experiment.task.name,
                base,
                ", ".join(f"{split} {count}" for split, count in splits.cut.items()),
            )


def _bases(context: StageContext) -> dict[str, Base]:
    """Load each pretrained model once; runs copy it."""
    settings = context.params.finetune
    names = (*settings.variants, *transfer_names(settings))
    wanted = {find_variant(name).base for name in names}
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
    """Run every variant; one model folder of each is kept, none of the layer transfers."""
    settings = experiment.settings
    names = (*settings.variants, *transfer_names(settings))
    total = len(names) * len(settings.seeds) * settings.epochs
    done = 0

    def on_epoch() -> None:
        nonlocal done
        done += 1
        context.emit(Progress(done=done, total=total, what="epochs"))

    found: dict[str, list[Run]] = {}
    for name in names:
        trials = experiment.run_variant(name, on_epoch)
        found[name] = [run for run, _ in trials]
        if name in settings.variants:
            kept, model = trials[middle([run.result.validation_score for run in found[name]])]
            _keep(context, experiment, kept, model, found[name], models / name)
    return found


def _keep(
    context: StageContext,
    experiment: Experiment,
    run: Run,
    model: TaskModel,
    runs: Sequence[Run],
    folder: Path,
) -> None:
    task, base = experiment.task, find_variant(run.variant).base
    name = _base_name(context.params.finetune, base)
    save_classifier(
        folder,
        model,
        labels=experiment.labels,
        description={
            "task": task.name,
            "variant": run.variant,
            "seed": run.seed,
            "pretrained": name,
            "scores": dict(run.scores),
        },
        step=run.result.updates,
        tokenizer_folder=_base_folder(context, base) / "tokenizer",
        score_range=task.score_range,
    )
    suffix = "" if run.variant in ("full", "lstm") else f"-{run.variant}"
    spread = spread_of([one.scores[task.metric] for one in runs])
    metrics = dict(run.scores) | {f"{task.metric}_{key}": value for key, value in spread.items()}
    context.emit(
        ModelFinished(
            name=f"{name}-{task.name}{suffix}", path=folder, kind="classifier", metrics=metrics
        )
    )
