"""Git as a command."""

import os
import subprocess
from pathlib import Path

from gptpath.errors import PipelineError

RECORDED = ("params.yaml", "dvc.lock")
"""The files that say what was asked and what came out; a run may change them, and no other."""


def ask_git(root: Path, *arguments: str, **environment: str) -> str:
    """Return what git prints; PipelineError in its own words if it fails."""
    done = subprocess.run(
        ["git", *arguments],
        cwd=root,
        env=os.environ | environment,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise PipelineError(f"`git {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def require_committed_code(root: Path, why: str) -> None:
    """Raise PipelineError where the checkout has code that no commit holds; `why` ends the text."""
    others = [f":!{name}" for name in RECORDED]
    changed = ask_git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *others)
    new = ask_git(root, "ls-files", "--others", "--exclude-standard", "--", "src", "dvc.yaml")
    if found := [line.split(maxsplit=1)[1] for line in changed.splitlines()] + new.splitlines():
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        raise PipelineError(f"{', '.join(found[:3])}{more} not committed; commit first: {why}")
