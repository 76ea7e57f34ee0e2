"""Registered versions and runs that no alias, branch, tag or kept version needs."""

import re
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

from gptpath.errors import PipelineError
from gptpath.tracking.decisions import BEFORE
from gptpath.tracking.flow_record import VERSION
from gptpath.tracking.paging import every
from gptpath.tracking.store import store_is_local, tracking_uri

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion
    from mlflow.tracking import MlflowClient

DAY_MS = 86_400_000
MLFLOW_GC = (sys.executable, "-m", "mlflow", "gc")
MOST_IDS = 1000
"""Of one call of it: an argument of a command has 128 KiB at most."""


def split_versions(
    client: "MlflowClient", *, keep: int, runs: Collection[str]
) -> "tuple[list[ModelVersion], list[ModelVersion]]":
    """(kept, old) versions of all of gptpath's registered models.

    Kept are versions with an alias, the champions that a rollback would bring back, the `keep`
    newest, and those that came from one of `runs`.
    """
    kept: list[ModelVersion] = []
    old: list[ModelVersion] = []
    for model in every(client.search_registered_models, "name LIKE 'gptpath-%'"):
        versions = {
            str(one.version): client.get_model_version(model.name, str(one.version))
            for one in every(client.search_model_versions, f"name = '{model.name}'")
        }
        needed = _with_former(versions, {str(version) for version in model.aliases.values()})
        newest = sorted(versions, key=int, reverse=True)[:keep]
        for number, version in versions.items():
            wanted = number in needed or number in newest or version.run_id in runs
            (kept if wanted else old).append(version)
    return kept, old


def _with_former(versions: "dict[str, ModelVersion]", needed: set[str]) -> set[str]:
    """The versions, and for each the champions before it, back to the first."""
    found: set[str] = set()
    waiting = list(needed)
    while waiting:
        number = waiting.pop()
        if number in versions and number not in found:
            found.add(number)
            waiting.append(versions[number].tags.get(BEFORE, "none"))
    return found


def old_runs(
    client: "MlflowClient",
    *,
    days: float,
    kept: "Sequence[ModelVersion]",
    runs: Collection[str],
    versions: Collection[str],
) -> "list[Run]":
    """Finished runs older than `days` that nothing refers to.

    Referred to are `runs`, runs whose stage version is one of `versions`, the runs that made and
    decided on kept registered versions, and the parents of all these.
    """
    needed = {*runs, *(one.run_id for one in kept)}
    needed |= {one.tags.get("gptpath.gate.run_id", "") for one in kept}
    found = _all_runs(client)
    for run in found:
        recent = run.info.start_time > (time.time() * 1000 - days * DAY_MS)
        if recent or run.info.status == "RUNNING" or run.data.tags.get(VERSION) in versions:
            needed.add(run.info.run_id)
    size = -1
    while size != len(needed):  # parents have parents, and link to runs of their own
        size = len(needed)
        for run in found:
            if run.info.run_id in needed:
                needed |= _referred(run)
    return [run for run in found if run.info.run_id not in needed]


def _referred(run: "Run") -> set[str]:
    """Runs that a run's tags lead to: its parent, and those of stages that it skipped."""
    return {
        value
        for key, value in run.data.tags.items()
        if key == "mlflow.parentRunId" or key.startswith("gptpath.linked.")
    }


def _all_runs(client: "MlflowClient") -> "list[Run]":
    experiments = [
        one.experiment_id
        for one in every(client.search_experiments, filter_string="name LIKE 'gptpath/%'")
    ]
    return list(every(client.search_runs, experiments)) if experiments else []


def needed_by_aliases(client: "MlflowClient", kept: "Sequence[ModelVersion]") -> set[str]:
    """md5s of what versions with an alias were trained from, and of what their runs made."""
    found: set[str] = set()
    for version in kept:
        if not version.aliases:
            continue
        tags = dict(version.tags)
        if version.run_id:
            tags |= client.get_run(version.run_id).data.tags
        found |= {
            md5 for key, md5 in tags.items() if key.startswith(("gptpath.data.", "gptpath.out."))
        }
    return found


def version_folder(client: "MlflowClient", version: "ModelVersion") -> Path | None:
    """Where a version's files lie on this machine; None where a server keeps them."""
    model_id = _model_id(version)
    if model_id is None:
        return None
    return local_folder(client.get_logged_model(model_id).artifact_location)


def _model_id(version: "ModelVersion") -> str | None:
    """MLflow's id of the stored model behind a version; its source is `models:/ID`."""
    match = re.fullmatch(r"models:/(m-\w+)", version.source or "")
    return version.model_id or (match[1] if match else None)


def local_folder(uri: str | None) -> Path | None:
    """The folder of a `file:` address or plain path; None for any other address."""
    parts = urlparse(uri or "")
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") and parts.path else None


def remove_versions(client: "MlflowClient", root: Path, versions: "Sequence[ModelVersion]") -> None:
    """Delete versions and their files."""
    models = [model for version in versions if (model := _model_id(version)) is not None]
    for version in versions:
        client.delete_model_version(version.name, str(version.version))
    for some in _batches(models):
        for model in some:
            client.delete_logged_model(model)
        _purge(root, "--logged-model-ids", some)


def remove_runs(client: "MlflowClient", root: Path, runs: "Sequence[Run]") -> None:
    """Delete runs with their numbers and files."""
    for some in _batches([run.info.run_id for run in runs]):
        for run_id in some:
            client.delete_run(run_id)
        _purge(root, "--run-ids", some)


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + MOST_IDS] for start in range(0, len(ids), MOST_IDS))


def _purge(root: Path, option: str, ids: Sequence[str]) -> None:
    """Remove for good what was deleted; a server's own `mlflow gc` does that for its store."""
    if not store_is_local(root):
        return
    uri = tracking_uri(root)
    done = subprocess.run(
        [*MLFLOW_GC, "--backend-store-uri", uri, "--tracking-uri", uri, option, ",".join(ids)],
        cwd=root,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise PipelineError(f"`mlflow gc` failed: {done.stderr.strip()[-500:]}")
