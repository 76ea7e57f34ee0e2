"""What a git revision says of parameters, versions and metrics: the base that a change is held to.

Metrics lie in DVC's cache, not in git; `dvc.lock` of the revision names them by md5.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from gptpath.config.loading import read_values
from gptpath.errors import PipelineError
from gptpath.tracking.lineage import LockEntry, read_lock
from gptpath.tracking.revision import read_revision
from tasks.changes import Snapshot, flatten
from tasks.dvc import ask_dvc
from tasks.git import ask_git

METRICS = "metrics/"


def snapshot_here(root: Path) -> Snapshot:
    """The checkout as it lies there."""
    revision = read_revision(root)
    files = sorted((root / "metrics").rglob("*.json"))
    return Snapshot(
        name=revision.commit[:12] + (" with changes" if revision.dirty else ""),
        params=flatten(read_values(root / "params.yaml")),
        versions={name: entry.digest() for name, entry in read_lock(root).items()},
        metrics={
            path.relative_to(root).as_posix(): json.loads(path.read_text(encoding="utf-8"))
            for path in files
        },
        missing=(),
    )


def snapshot_at(root: Path, revision: str) -> Snapshot:
    """The state that a git revision recorded.

    Metrics come from DVC's cache or, where there is one, its remote; what neither holds is listed
    as missing. Raises PipelineError when git does not know the revision.
    """
    commit = _git(root, "rev-parse", "--verify", f"{revision}^{{commit}}")
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder)
        for name in ("params.yaml", "dvc.lock"):
            if (text := _shown(root, commit, name)) is not None:
                (at / name).write_text(text, encoding="utf-8")
        lock = read_lock(at)
        params_file = at / "params.yaml"
        params = flatten(read_values(params_file)) if params_file.is_file() else {}
    metrics, missing = _metrics_at(root, commit, lock)
    return Snapshot(
        name=f"{revision} ({commit[:12]})",
        params=params,
        versions={name: entry.digest() for name, entry in lock.items()},
        metrics=metrics,
        missing=tuple(missing),
    )


def _metrics_at(
    root: Path, commit: str, lock: dict[str, LockEntry]
) -> tuple[dict[str, Any], list[str]]:
    """JSON files below metrics/ by path, and the outputs that cannot be had."""
    cache = Path(ask_dvc(root, "cache", "dir").strip())
    remote = bool(ask_dvc(root, "remote", "list").strip())
    metrics: dict[str, Any] = {}
    missing: list[str] = []
    for path, md5 in sorted(
        (path, md5) for entry in lock.values() for path, md5 in entry.outs.items()
    ):
        told = path.endswith(".json") or md5.endswith(".dir")  # not tables, as of predictions
        if not path.startswith(METRICS) or not told:
            continue
        found = _from_cache(cache, path, md5)
        if found is None and remote:
            found = _from_remote(root, commit, path)
        if found is None:
            missing.append(path)
        else:
            metrics |= {name: json.loads(text) for name, text in found.items()}
    return metrics, missing


def _from_cache(cache: Path, path: str, md5: str) -> dict[str, str] | None:
    """Path -> text of an output's JSON files; None if the cache lacks one of them."""
    place = cache / "files" / "md5" / md5[:2] / md5[2:]
    if not place.is_file():
        return None
    text = place.read_text(encoding="utf-8")
    if not md5.endswith(".dir"):
        return {path: text}
    found: dict[str, str] = {}
    for entry in json.loads(text):
        if entry["relpath"].endswith(".json"):
            one = _from_cache(cache, f"{path}/{entry['relpath']}", entry["md5"])
            if one is None:
                return None
            found |= one
    return found


def _from_remote(root: Path, commit: str, path: str) -> dict[str, str] | None:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        try:
            ask_dvc(root, "get", "--quiet", "--rev", commit, "-o", str(out), str(root), path)
        except PipelineError:
            return None
        if out.is_file():
            return {path: out.read_text(encoding="utf-8")}
        return {
            f"{path}/{one.relative_to(out).as_posix()}": one.read_text(encoding="utf-8")
            for one in sorted(out.rglob("*.json"))
        }


def _shown(root: Path, commit: str, name: str) -> str | None:
    """A file of a commit; None where the commit has none, as before the first run."""
    listed = _git(root, "ls-tree", "--name-only", commit, "--", f"./{name}")
    return _git(root, "show", f"{commit}:./{name}") if listed else None


def _git(root: Path, *arguments: str) -> str:
    try:
        return ask_git(root, *arguments)
    except PipelineError as error:
        raise PipelineError(
            f"{error}; a shallow clone may lack the revision: `git fetch --unshallow`"
        ) from None
