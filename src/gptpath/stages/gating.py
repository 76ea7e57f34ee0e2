"""The checkout's models against the champions of the registry (docs/gate.md)."""

import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from gptpath.config.loading import load_params
from gptpath.config.params import Params
from gptpath.errors import PipelineError
from gptpath.gate.comparison import (
    HeldOut,
    check_heldout,
    check_tokenizers,
    compare_models,
    read_heldout,
    scorer_of,
)
from gptpath.gate.contenders import Contestant, folder_of, stage_of, task_of
from gptpath.gate.decision import Check, Decision, conclude
from gptpath.gate.soundness import check_soundness
from gptpath.model.device import configure
from gptpath.stages.gating_classifiers import ClassifierJudge
from gptpath.text.documents import read_texts
from gptpath.tracking.decisions import Origin, carry_out, champion_of, side_of
from gptpath.tracking.lineage import LockEntry, read_lock
from gptpath.tracking.registration import PREFIX, version_in_checkout
from gptpath.tracking.registry import resolve_model
from gptpath.tracking.revision import read_revision
from gptpath.tracking.signatures import signature_text
from gptpath.tracking.store import open_client, tracking_is_on

if TYPE_CHECKING:
    from gptpath.tracking.decisions import ModelVersion
    from gptpath.tracking.store import MlflowClient

logger = logging.getLogger(__name__)


def gate_models(root: Path, names: Sequence[str], origin: Origin) -> list[Decision]:
    """Decide on the checkout's models `names`, one after another, and promote.

    Raises PipelineError when tracking is off, or a model has not been trained and registered.
    """
    if not tracking_is_on():
        raise PipelineError("the gate needs MLflow's registry; unset GPTPATH_TRACKING")
    from gptpath.tracking.delivery import deliver_leftovers

    judges = Judges(root)
    client = open_client(root)
    kept = deliver_leftovers(client, root).left
    versions = {name: version_in_checkout(client, root, name) for name in names}
    for name, version in versions.items():
        if version is None:
            raise PipelineError(
                f"no version of {PREFIX}{name} holds the weights of "
                f"{folder_of(root, name).relative_to(root)}; "
                + (
                    "some models wait for the registry: see `gptpath deliver`"
                    if kept
                    else f"train and register them: `dvc repro -f -s {stage_of(root, name)}`"
                )
            )
    decisions: list[Decision] = []
    for name, version in versions.items():
        assert version is not None, "refused above"
        decision = _judge_version(judges, client, folder_of(root, name), version)
        if decision.verdict != "unchanged":
            decision = carry_out(client, root, decision, origin)
        logger.info("gate: %s", decision.sentence())
        decisions.append(decision)
    return decisions


def _judge_version(
    judges: "Judges", client: "MlflowClient", folder: Path, version: "ModelVersion"
) -> Decision:
    """The verdict on a registered version against the champion of its model."""
    champion = champion_of(client, version.name)
    before = side_of(champion) if champion else None
    challenger = Contestant(side=side_of(version), folder=folder)
    if before is not None and before.version == challenger.side.version:
        return Decision(
            model=version.name,
            verdict="unchanged",
            reasons=(),
            champion=before,
            challenger=challenger.side,
        )
    judge = judges.of(folder)
    checks, defender = [judge.check_data(version.tags)], None
    if before is not None:
        addresses = (before.address, challenger.side.address)
        checks.append(_check_schema(*map(signature_text, addresses)))
        defender = Contestant(side=before, folder=resolve_model(judges.root, before.address))
    return judge.decide(version.name, defender, challenger, checks)


class Judges:
    """Who compares which models of a checkout."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.params: Params = load_params(root / "params.yaml")
        configure(self.params.compute.threads)

    @cached_property
    def _of_language_models(self) -> "Judge":
        return Judge(self.root, self.params)

    def of(self, folder: Path) -> "Judge | ClassifierJudge":
        """The judge of the model in a folder."""
        task = task_of(folder)
        if task is None:
            return self._of_language_models
        return ClassifierJudge(self.root, self.params, task)


class Judge:
    """Compares language models on the held-out split of a checkout; reads it at most once."""

    def __init__(self, root: Path, params: Params) -> None:
        self.root, self.params = root, params

    @cached_property
    def heldout(self) -> HeldOut:
        """The held-out items, and which of them the training split holds."""
        corpus = self.root / "data" / "corpus"
        return read_heldout(
            corpus / "validation",
            read_texts(corpus / "train"),
            self.params.gate,
            ngram_words=self.params.contamination.ngram_words,
        )

    def check_data(self, tags: Mapping[str, str]) -> Check:
        """The version's data is the checkout's."""
        return check_data(tags, read_lock(self.root))

    def decide(
        self,
        model: str,
        champion: Contestant | None,
        challenger: Contestant,
        checks: Sequence[Check] = (),
    ) -> Decision:
        """Check the challenger and, if that passes, compare it with the champion."""
        settings = self.params.gate
        checks = [*checks, check_soundness(challenger.folder)]
        checks += check_heldout(self.heldout, settings)
        compared = None
        if champion is not None and all(check.passed for check in checks):
            folders = (champion.folder, challenger.folder)
            checks.append(check_tokenizers(*folders, self.heldout))
            if checks[-1].passed:
                score = scorer_of(self.heldout, settings, self.params.compute)
                compared = compare_models(*folders, self.heldout, score, settings)
        sides = (champion.side if champion else None, challenger.side)
        commit = read_revision(self.root).commit
        return conclude(model, sides, checks, compared, git_commit=commit)


def check_data(tags: Mapping[str, str], lock: Mapping[str, LockEntry]) -> Check:
    """The checkout's corpus is the one that the challenger was trained on.

    Else looking for the held-out items in that corpus would prove nothing.
    """
    name, path = "training data", "data/tokens"
    trained_on = tags.get(f"gptpath.data.{path}")
    encoded = lock["encode"].outs.get(path) if "encode" in lock else None
    if trained_on is None or trained_on != encoded:
        note = (
            f"the version was trained on {path} {trained_on or 'of no known md5'}, this checkout "
            f"has {encoded or 'none'}; run `dvc repro` in the checkout that trained it"
        )
        return Check(name=name, passed=False, note=note)
    corpus = lock["ingest"].outs.get("data/corpus") if "ingest" in lock else None
    if lock["encode"].deps.get("data/corpus") != corpus:
        note = "data/tokens was encoded from another data/corpus than this; run `dvc repro`"
        return Check(name=name, passed=False, note=note)
    return Check(name=name, passed=True, note=f"{path} {trained_on}")


def _check_schema(champion: str, challenger: str) -> Check:
    if champion == challenger:
        return Check(name="schema", passed=True, note="the signature of the champion")
    note = f"it takes and returns {challenger}, the champion {champion}; expected the same"
    return Check(name="schema", passed=False, note=note)
