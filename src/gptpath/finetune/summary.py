"""The contents of metrics/finetune/TASK.json (docs/formats.md)."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from gptpath.finetune.data_sets import Absent, TaskRows
from gptpath.finetune.experiment import Experiment, Run
from gptpath.finetune.metrics import CORRELATIONS, chance_score, confusion, majority_score
from gptpath.finetune.variants import find_variant, middle, spread_of

MOST_CONFUSED = 20
"""A confusion table of more labels is not written."""


def task_metrics(experiment: Experiment, runs: Mapping[str, Sequence[Run]]) -> dict[str, Any]:
    """Every run's scores, their spread over the seeds, and what guessing would score."""
    task = experiment.task
    labels = [row["label"] for row in task.test]
    first = find_variant(next(iter(runs))).base
    return {
        "task": task.name,
        "kind": task.kind,
        "metric": task.metric,
        "labels": list(experiment.labels),
        "chance": chance_score(task.metric, _answers(experiment), labels),
        "majority": majority_score(task.metric, [row["label"] for row in task.train], labels),
        "train_items": len(task.train),
        "validation_items": len(task.validation),
        "test_items": len(task.test),
        "cut_items": experiment.splits(first).cut,
        "splits_note": task.splits_note,
        "counts": asdict(task.counts),
        "rows": [_row(task, run) for of_variant in runs.values() for run in of_variant],
        "summary": {
            name: spread_of([run.scores[task.metric] for run in found])
            for name, found in runs.items()
        },
        "confusion": _confusions(experiment, runs),
    }


def absent_metrics(absent: Absent) -> dict[str, Any]:
    """The same file of a task that is not here."""
    return {
        "task": absent.name,
        "kind": absent.kind,
        "metric": absent.metric,
        "absent": absent.reason,
        "test_items": 0,
        "rows": [],
        "summary": {},
    }


def _answers(experiment: Experiment) -> list[int]:
    """Between how many labels, or answers, one chooses, for every test item."""
    task = experiment.task
    if task.kind == "multiple-choice":
        return [len(row["choices"]) for row in task.test]
    return [len(experiment.labels)] * len(task.test)


def _row(task: TaskRows, run: Run) -> dict[str, Any]:
    row = {
        "variant": run.variant,
        "seed": run.seed,
        **run.scores,
        f"{task.metric}_low": run.interval[0],
        f"{task.metric}_high": run.interval[1],
        "validation_score": run.result.validation_score,
        "best_epoch": run.result.best_epoch,
        "best_update": run.result.best_update,
    }
    return row if run.train_score is None else row | {"train_score": run.train_score}


def _confusions(
    experiment: Experiment, runs: Mapping[str, Sequence[Run]]
) -> dict[str, list[list[int]]]:
    """True by predicted label, of the run of each variant that is kept; label kinds alone."""
    task, size = experiment.task, len(experiment.labels)
    if task.metric in CORRELATIONS or task.kind == "multiple-choice" or size > MOST_CONFUSED:
        return {}
    labels = [row["label"] for row in task.test]
    kept = {
        name: found[middle([run.result.validation_score for run in found])]
        for name, found in runs.items()
        if find_variant(name).blocks is None
    }
    return {
        name: confusion(labels, [int(place) for place in run.predicted], size)
        for name, run in kept.items()
    }
