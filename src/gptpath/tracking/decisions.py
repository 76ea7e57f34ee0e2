"""Decisions on champions: kept with their evidence, carried out by moving aliases.

Evidence first, then the aliases: a process that dies in between leaves a decision that was not
carried out, never a champion without evidence.
"""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from gptpath.errors import PipelineError
from gptpath.gate.decision import Decision, Side, markdown
from gptpath.tracking.card import as_description
from gptpath.tracking.recorder import FLOW_RUN, PARENT_RUN
from gptpath.tracking.registry_lock import registry_lock
from gptpath.tracking.store import experiment_id

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

CHAMPION = "champion"
PREVIOUS = "previous"
"""Alias of the version whose place the champion took."""
DECISION = "gptpath.gate.decision"
"""Tag of a version that was decided on: the verdict."""
BEFORE = "gptpath.gate.champion"
"""Tag of a version that was decided on: the version it was compared with, `none` for the first."""
SECTION = "\n\n## Gate\n\n"
NEXT_SECTION = "\n\n## "


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """Who decides: what the record of a decision says of its circumstances."""

    profile: str
    parent_run: str | None = None
    """MLflow run of the flow that asked for it."""
    flow_run: str | None = None
    """Prefect flow run."""


def origin_of(profile: str) -> Origin:
    """The circumstances that the environment names: a flow's, or nobody's but a person's."""
    return Origin(
        profile=profile,
        parent_run=os.environ.get(PARENT_RUN) or None,
        flow_run=os.environ.get(FLOW_RUN) or None,
    )


def champion_of(client: "MlflowClient", name: str) -> "ModelVersion | None":
    """The version with the alias `champion`; None before the first promotion."""
    return _aliased(client, name, CHAMPION)


def side_of(version: "ModelVersion") -> Side:
    """A registered version as one side of a decision."""
    return Side(
        address=f"models:/{version.name}/{version.version}",
        version=str(version.version),
        git_commit=version.tags.get("gptpath.git_commit", "unknown"),
    )


def carry_out(client: "MlflowClient", root: Path, decision: Decision, origin: Origin) -> Decision:
    """Record a decision on a registered model and, if it promotes, move the aliases.

    The champion is read again under the lock. If it is not the one that the challenger was
    compared with, nothing moves and the verdict returned is `superseded`.
    """
    run_id = _open_record(client, root, decision, origin)
    name = decision.model
    with registry_lock(client, root, name):
        now = champion_of(client, name)
        before = decision.champion.version if decision.champion else None
        current = str(now.version) if now is not None else None
        if current != before:
            decision = _superseded(decision, current)
            _write_evidence(client, run_id, decision)
        elif decision.verdict == "promote":
            if before is not None:
                client.set_registered_model_alias(name, PREVIOUS, before)
            client.set_registered_model_alias(name, CHAMPION, str(decision.challenger.version))
        if decision.verdict != "superseded":
            _mark_version(client, run_id, decision)
    client.set_terminated(run_id, "FINISHED")
    return decision


def roll_back(
    client: "MlflowClient", root: Path, name: str, *, reason: str, git_commit: str, origin: Origin
) -> Decision:
    """Give the champion's place back to the previous one; recorded like any decision.

    Raises PipelineError when there is no champion, or none before it.
    """
    with registry_lock(client, root, name):
        champion, previous = champion_of(client, name), _aliased(client, name, PREVIOUS)
        if champion is None or previous is None:
            lacking = CHAMPION if champion is None else PREVIOUS
            raise PipelineError(
                f"{name} has no version with the alias {lacking}: nothing to go back to; "
                "the model's page in MLflow lists its versions and aliases"
            )
        decision = Decision(
            model=name,
            verdict="rollback",
            reasons=(reason,),
            champion=side_of(champion),
            challenger=side_of(previous),
            git_commit=git_commit,
        )
        run_id = _open_record(client, root, decision, origin)
        client.set_registered_model_alias(name, CHAMPION, str(previous.version))
        older = previous.tags.get(BEFORE, "none")
        if older not in _versions(client, name):
            client.delete_registered_model_alias(name, PREVIOUS)
        else:
            client.set_registered_model_alias(name, PREVIOUS, older)
        _tag_version(client, champion, {DECISION: "rollback", "gptpath.gate.reasons": reason})
    client.set_terminated(run_id, "FINISHED")
    return decision


def undecided(client: "MlflowClient", root: Path, models: Sequence[str]) -> tuple[str, ...]:
    """Of the models that lie in the checkout those that no gate has decided on yet.

    A model that was trained without tracking, and so has no version, is among them.
    """
    from gptpath.tracking.registration import version_in_checkout, weights_in_checkout

    found: list[str] = []
    for model in models:
        if not weights_in_checkout(root, model).is_file():
            continue
        version = version_in_checkout(client, root, model)
        if version is None or not (is_decided(version) or CHAMPION in version.aliases):
            found.append(model)
    return tuple(found)


def is_decided(version: "ModelVersion") -> bool:
    """Whether a gate has promoted or refused the version."""
    return DECISION in version.tags


def _aliased(client: "MlflowClient", name: str, alias: str) -> "ModelVersion | None":
    from mlflow.exceptions import MlflowException

    try:
        version = client.get_registered_model(name).aliases.get(alias)
    except MlflowException as error:
        raise PipelineError(f"no registered model {name}: {error.message}") from None
    return None if version is None else client.get_model_version(name, str(version))


def _versions(client: "MlflowClient", name: str) -> set[str]:
    return {str(one.version) for one in client.search_model_versions(f"name = '{name}'")}


def _superseded(decision: Decision, current: str | None) -> Decision:
    if current == decision.challenger.version:
        return replace(decision, verdict="unchanged", reasons=("promoted by another process",))
    compared = decision.champion.address if decision.champion else "no champion"
    now = "the model has no champion now"
    if current is not None:
        now = f"version {current} became champion meanwhile"
    reason = f"compared with {compared}, but {now}; run `gptpath gate` again"
    return replace(decision, verdict="superseded", reasons=(reason,))


def _open_record(client: "MlflowClient", root: Path, decision: Decision, origin: Origin) -> str:
    """The decision's own MLflow run, with all evidence; returns its id."""
    tags = {
        "gptpath.stage": "gate",
        "gptpath.profile": origin.profile,
        "gptpath.registered_model": decision.model,
        "mlflow.source.git.commit": decision.git_commit,
        "mlflow.source.name": f"gptpath gate {decision.model.removeprefix('gptpath-')}",
        "mlflow.source.type": "LOCAL",
        "mlflow.parentRunId": origin.parent_run or "",
        "prefect.flow_run_id": origin.flow_run or "",
    }
    run = client.create_run(
        experiment_id(client, root, origin.profile),
        run_name=f"gate@{decision.model.removeprefix('gptpath-')}",
        tags={key: value for key, value in tags.items() if value},
    )
    run_id = run.info.run_id
    if decision.rule is not None:
        for key, value in asdict(decision.rule).items():
            client.log_param(run_id, f"gate.{key}", value)
    for key, value in _numbers(decision).items():
        client.log_metric(run_id, f"gate/{key}", value)
    _write_evidence(client, run_id, decision)
    return run_id


def _write_evidence(client: "MlflowClient", run_id: str, decision: Decision) -> None:
    """The verdict as tags, the whole as JSON and as a page; the run's description shows it."""
    client.log_text(
        run_id, json.dumps(decision.as_json(), indent=2, sort_keys=True), "gate/decision.json"
    )
    client.log_text(run_id, markdown(decision), "gate/decision.md")
    for key, value in _facts(decision).items():
        client.set_tag(run_id, key, value)
    client.set_tag(run_id, "mlflow.note.content", markdown(decision))


def _mark_version(client: "MlflowClient", run_id: str, decision: Decision) -> None:
    """Put verdict and numbers on the challenger's version and a section into its description."""
    if decision.verdict not in ("promote", "refuse"):
        return
    version = client.get_model_version(decision.model, str(decision.challenger.version))
    _tag_version(client, version, {**_facts(decision), "gptpath.gate.run_id": run_id})
    client.update_model_version(
        decision.model,
        str(version.version),
        as_description(with_decision(version.description or "", markdown(decision))),
    )
    if version.run_id:
        client.set_tag(version.run_id, "gptpath.gate.run_id", run_id)
        client.set_tag(version.run_id, DECISION, decision.verdict)


def with_decision(card: str, page: str) -> str:
    """A model card with the decision before its other sections, in the place of an earlier one."""
    if SECTION in card:
        head, _, rest = card.partition(SECTION)
        _, found, rest = rest.partition(NEXT_SECTION)
    else:
        head, found, rest = card.partition(NEXT_SECTION)
    head, page = head.rstrip("\n"), page.rstrip("\n")
    return f"{head}{SECTION}{page}{found}{rest}" if found else f"{head}{SECTION}{page}\n"


def _tag_version(client: "MlflowClient", version: "ModelVersion", tags: Mapping[str, str]) -> None:
    for key, value in tags.items():
        client.set_model_version_tag(version.name, str(version.version), key, value)


def _facts(decision: Decision) -> dict[str, str]:
    champion = decision.champion
    facts = {
        DECISION: decision.verdict,
        "gptpath.gate.reasons": "; ".join(decision.reasons),
        BEFORE: (champion.version if champion else None) or "none",
        "gptpath.gate.champion_commit": champion.git_commit if champion else "none",
        "gptpath.gate.challenger": str(decision.challenger.version),
        "gptpath.gate.challenger_commit": decision.challenger.git_commit,
        "gptpath.gate.git_commit": decision.git_commit,
    }
    if decision.rule is not None:
        for key, value in asdict(decision.rule).items():
            if key in ("margin_bpb", "margin", "confidence"):
                facts[f"gptpath.gate.{key}"] = f"{value:g}"
    return facts | {
        f"gptpath.gate.{key}": f"{value:g}" for key, value in _numbers(decision).items()
    }


def _numbers(decision: Decision) -> dict[str, float]:
    difference = decision.difference
    if difference is None:
        return {}
    key, (champion, challenger) = difference.key, difference.sides
    return {
        f"difference_{key}": difference.mean,
        f"difference_{key}_low": difference.low,
        f"difference_{key}_high": difference.high,
        f"champion_{key}": champion,
        f"challenger_{key}": challenger,
        "items": float(difference.items),
    }
