"""Which code made a result: the git commit of the checkout, and whether it was changed since."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Revision:
    """State of the checkout's git repository."""

    commit: str
    """Full hash, or `unknown` outside a git repository."""
    dirty: bool
    """Tracked files differ from the commit; dvc.lock, which every run writes, does not count."""


def read_revision(root: Path) -> Revision:
    """Ask git about the checkout."""
    commit = _git(root, "rev-parse", "HEAD")
    if commit is None:
        return Revision(commit="unknown", dirty=False)
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!dvc.lock")
    return Revision(commit=commit, dirty=bool(changes))


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
