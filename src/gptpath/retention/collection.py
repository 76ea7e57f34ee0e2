"""Everything in a checkout, its cache and its registry that may go, in the order of removal."""

import logging
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from gptpath.config.retention import Retention
from gptpath.retention.cache import cache_folder, cache_leftovers
from gptpath.retention.leftover import Leftover, tree_bytes
from gptpath.retention.revisions import Recorded, recorded
from gptpath.retention.scratch import scratch_leftovers
from gptpath.tracking.retention import (
    local_folder,
    needed_by_aliases,
    old_runs,
    remove_runs,
    remove_versions,
    split_versions,
    version_folder,
)
from gptpath.tracking.store import open_client, store_is_local, tracking_is_on

if TYPE_CHECKING:
    from gptpath.tracking.retention import ModelVersion
    from gptpath.tracking.store import MlflowClient

logger = logging.getLogger(__name__)


def find_leftovers(root: Path, settings: Retention) -> list[Leftover]:
    """What may go; nothing is removed yet.

    Without the registry nobody can tell what its aliases need, so then the scratch folder alone
    is looked at. Raises PipelineError when DVC or MLflow does not answer.
    """
    found = list(scratch_leftovers(root / ".scratch", settings.scratch_days))
    if not tracking_is_on():
        return found
    client = open_client(root)
    cache = cache_folder(root)
    named = recorded(root, cache)
    kept, old = split_versions(client, keep=settings.keep_versions, runs=named.runs)
    if named.unknown and not store_is_local(root):
        # Runs of this checkout's own store left their ledgers in its cache; a server's need not.
        logger.warning(
            "%d ledgers of branches and tags are not in DVC's cache: versions and runs of the "
            "shared server are left alone; `dvc fetch --all-branches --all-tags` brings them",
            named.unknown,
        )
    else:
        found += _from_registry(client, root, settings, named, kept, old)
    return found + list(cache_leftovers(root, cache, needed_by_aliases(client, kept)))


def _from_registry(
    client: "MlflowClient",
    root: Path,
    settings: Retention,
    named: Recorded,
    kept: "list[ModelVersion]",
    old: "list[ModelVersion]",
) -> list[Leftover]:
    by_model: dict[str, list[ModelVersion]] = {}
    for version in old:
        by_model.setdefault(version.name, []).append(version)
    found = [
        Leftover(
            kind="version",
            what=f"{name} version {', '.join(str(one.version) for one in versions)}",
            size_bytes=sum(_bytes(version_folder(client, one)) for one in versions),
            remove=partial(remove_versions, client, root, versions),
        )
        for name, versions in by_model.items()
    ]
    runs = old_runs(
        client, days=settings.run_days, kept=kept, runs=named.runs, versions=named.versions
    )
    # A version's files go with the version, and a run that still has one goes another time.
    runs = [run for run in runs if run.info.run_id not in {one.run_id for one in old}]
    if runs:
        found.append(
            Leftover(
                kind="run",
                what=f"{len(runs)} MLflow runs older than {settings.run_days:g} days",
                size_bytes=sum(_bytes(local_folder(run.info.artifact_uri)) for run in runs),
                remove=lambda: remove_runs(client, root, runs),
            )
        )
    return found


def _bytes(folder: Path | None) -> int:
    return tree_bytes(folder) if folder is not None else 0
