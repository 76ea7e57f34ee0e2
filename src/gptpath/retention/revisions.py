"""What branches, tags and the checkout record in dvc.lock: stages, outputs and MLflow runs."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gptpath.errors import PipelineError
from gptpath.tracking.lineage import LEDGER, LockEntry, parse_lock, read_lock


@dataclass(frozen=True, kw_only=True, slots=True)
class Recorded:
    """What the tips of all branches and tags, and the checkout, still name."""

    versions: frozenset[str]
    """Digests of stages: tag `gptpath.version` of the runs that made them."""
    runs: frozenset[str]
    """MLflow runs that their ledgers name."""
    unknown: int
    """Ledgers that DVC's cache lacks, so that nobody can tell their runs."""


def recorded(root: Path, cache: Path) -> Recorded:
    """Read every dvc.lock that git can reach by a name; ledgers come from DVC's cache.

    Raises PipelineError for a dvc.lock or a ledger that cannot be read: what it needs is unknown.
    """
    versions: set[str] = set()
    ledgers: set[Path] = set((root / LEDGER).rglob("*.json"))
    for lock in _locks(root):
        for entry in lock.values():
            versions.add(entry.digest())
            ledgers |= {
                cached(cache, md5)
                for path, md5 in entry.outs.items()
                if path.startswith(f"{LEDGER}/")
            }
    present = [path for path in ledgers if path.is_file()]
    return Recorded(
        versions=frozenset(versions),
        runs=frozenset(run for path in present for run in _run_in(path)),
        unknown=len(ledgers) - len(present),
    )


def cached(cache: Path, md5: str) -> Path:
    """Where DVC's cache keeps an object."""
    return cache / "files" / "md5" / md5[:2] / md5[2:]


def _locks(root: Path) -> Iterator[dict[str, LockEntry]]:
    yield read_lock(root)
    spaces = [f"refs/{kind}" for kind in ("heads", "tags", "remotes", "exps")]  # exps are DVC's
    refs = _git(root, "for-each-ref", "--format=%(refname)", *spaces)
    for ref in (refs or "").split():
        text = _git(root, "show", f"{ref}:./dvc.lock")
        if text is not None:
            yield parse_lock(text, where=f"dvc.lock of {ref}")


def _run_in(ledger: Path) -> Iterator[str]:
    try:
        run = json.loads(ledger.read_text(encoding="utf-8")).get("mlflow_run_id")
    except ValueError as error:
        raise PipelineError(
            f"{ledger} is not JSON ({error}), so nobody can tell whose run to keep; restore it: "
            "`dvc checkout`, or `dvc fetch` where it lies in DVC's cache"
        ) from None
    if run:
        yield str(run)


def _git(root: Path, *arguments: str) -> str | None:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else None
