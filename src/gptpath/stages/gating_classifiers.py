"""A checkout's classifiers against the champions of their tasks (docs/gate.md)."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from gptpath.config.params import Params
from gptpath.errors import PipelineError
from gptpath.finetune.data_sets import Absent, TaskRows, read_data_set
from gptpath.finetune.folder import Classifier
from gptpath.finetune.reading.collect import texts_of
from gptpath.gate.comparison import HeldOut, check_heldout
from gptpath.gate.contenders import Contestant
from gptpath.gate.decision import Check, Decision, ScoreRule, conclude
from gptpath.gate.heldout import Passage
from gptpath.gate.leaks import find_leaks
from gptpath.gate.paired import Column
from gptpath.gate.scores import PairedAnswers, ScoreDifference, paired_scores
from gptpath.gate.soundness import check_classifier
from gptpath.model.device import resolve_device
from gptpath.text.labelled.task_files import KEYS
from gptpath.tracking.lineage import LockEntry, read_lock
from gptpath.tracking.revision import read_revision

Row = Mapping[str, Any]
DATA = "gptpath.data."
"""Tags of a version: the md5 of each output of another stage that made it."""


class ClassifierJudge:
    """Compares classifiers of one task on the test items of a checkout."""

    def __init__(self, root: Path, params: Params, task: str) -> None:
        self.root, self.params, self.task = root, params, task

    @cached_property
    def rows(self) -> TaskRows:
        """The task's items; PipelineError where they are not here."""
        found = read_data_set(self.task, params=self.params, root=self.root)
        if isinstance(found, Absent):
            raise PipelineError(f"there is nothing to compare on: {self.task}: {found.reason}")
        return found

    @cached_property
    def heldout(self) -> HeldOut:
        """The test items, and which of them the task's training items hold."""
        rows, settings = self.rows, self.params.gate
        passages = [Passage(document=row["id"], text=_text(row)) for row in rows.test]
        leaks = find_leaks(
            passages,
            [[_text(row) for row in rows.train]],
            ngram_words=self.params.contamination.ngram_words,
        )
        items = tuple(range(len(passages)))
        return HeldOut(
            passages=tuple(passages),
            items=items,
            unit="item",
            leaks=leaks,
            contaminated=leaks.contaminated(items, settings.overlap_share),
            known_to="task's training items",
        )

    def check_data(self, tags: Mapping[str, str]) -> Check:
        """The version's data and pretrained models are the checkout's."""
        return check_inputs(tags, read_lock(self.root))

    def decide(
        self,
        model: str,
        champion: Contestant | None,
        challenger: Contestant,
        checks: Sequence[Check] = (),
    ) -> Decision:
        """Check the challenger and, if that passes, compare it with the champion."""
        device = str(resolve_device(self.params.compute.device))
        after, sound = check_classifier(challenger.folder, device=device)
        checks = [*checks, sound, *check_heldout(self.heldout, self.params.gate)]
        compared = None
        if champion is not None and after is not None and all(check.passed for check in checks):
            before, sound = check_classifier(champion.folder, device=device)
            checks.append(_check_labels(before, after) if before is not None else sound)
            if before is not None and checks[-1].passed:
                compared = self._compare(before, after)
        sides = (champion.side if champion else None, challenger.side)
        commit = read_revision(self.root).commit
        return conclude(model, sides, checks, compared, git_commit=commit)

    def _compare(
        self, champion: Classifier, challenger: Classifier
    ) -> tuple[ScoreDifference, ScoreRule]:
        settings, task = self.params.gate, self.rows
        dirty = self.heldout.contaminated
        rows = [row for row, known in zip(task.test, dirty, strict=True) if not known]
        answers = PairedAnswers(
            labels=np.array([row["label"] for row in rows], dtype=np.float64),
            champion=_answers(champion, task, rows),
            challenger=_answers(challenger, task, rows),
        )
        difference = paired_scores(
            answers,
            task.metric,
            confidence=settings.confidence,
            samples=settings.samples,
            seed=settings.seed,
        )
        rule = ScoreRule(
            metric=task.metric,
            margin=settings.margin_score,
            confidence=settings.confidence,
            samples=settings.samples,
            seed=settings.seed,
        )
        return difference, rule


def check_inputs(tags: Mapping[str, str], lock: Mapping[str, LockEntry]) -> Check:
    """What a version was made from is what this checkout has."""
    name = "training data"
    here = {path: md5 for entry in lock.values() for path, md5 in entry.outs.items()}
    made_from = {key.removeprefix(DATA): md5 for key, md5 in tags.items() if key.startswith(DATA)}
    other = [path for path, md5 in sorted(made_from.items()) if here.get(path) != md5]
    if other or not made_from:
        note = (
            f"the version was made from {other[0]} {made_from[other[0]]}, this checkout has "
            f"{here.get(other[0], 'none')}"
            if other
            else "the version does not say from which data it was made"
        )
        note += "; run `dvc repro` in the checkout that trained it"
        return Check(name=name, passed=False, note=note)
    note = ", ".join(f"{path} {md5}" for path, md5 in sorted(made_from.items()))
    return Check(name=name, passed=True, note=note)


def _check_labels(champion: Classifier, challenger: Classifier) -> Check:
    """Both give the same answers to choose from; of multiple choice their number may differ."""
    name = "labels"
    ours, theirs = (
        (one.model.kind, one.score_range, () if one.model.kind == "multiple-choice" else one.labels)
        for one in (challenger, champion)
    )
    if ours == theirs:
        return Check(name=name, passed=True, note="those of the champion")
    note = (
        f"the challenger answers {ours}, the champion {theirs}; expected the same. If the task has "
        "changed for good, take the alias champion away on MLflow's page"
    )
    return Check(name=name, passed=False, note=note)


def _answers(classifier: Classifier, task: TaskRows, rows: Sequence[Row]) -> Column:
    """(items,) what a classifier says, as places of the task's labels or as scores."""
    found = classifier.predict(rows)
    if task.score_range is not None:
        return np.array([one["score"] for one in found if "score" in one], dtype=np.float64)
    if task.kind == "multiple-choice":
        return np.array([int(one["label"]) for one in found], dtype=np.float64)
    places = {label: place for place, label in enumerate(task.labels)}
    # A label that the task no longer has is wrong for every item.
    return np.array([places.get(one["label"], len(places)) for one in found], dtype=np.float64)


def _text(row: Row) -> str:
    """All that a row gives to read."""
    return " ".join(texts_of({key: value for key, value in row.items() if key not in KEYS}))
