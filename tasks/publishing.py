"""What a flow does with its results when asked: data to the DVC remote, dvc.lock to a branch."""

import tempfile
from pathlib import Path

from prefect import get_run_logger

from gptpath.errors import PipelineError
from tasks.dvc import ask_dvc
from tasks.git import RECORDED, ask_git, require_committed_code


def check_publishing(root: Path, *, push: bool, commit_to: str | None) -> None:
    """Raise PipelineError, before anything runs, where `publish` could not do what is asked."""
    if push and not ask_dvc(root, "remote", "list").strip():
        raise PipelineError("there is no DVC remote to push to; add one: `dvc remote add -d`")
    if commit_to is not None:
        ask_git(root, "check-ref-format", "--branch", commit_to)
        ask_git(root, "var", "GIT_COMMITTER_IDENT")
        require_committed_code(root, "the branch would name results of code that it lacks")


def publish(root: Path, *, push: bool, commit_to: str | None) -> None:
    """Send data first, then name it: nobody finds a commit whose data is not there."""
    if push:
        push_data(root)
    if commit_to is not None:
        commit = commit_results(root, commit_to)
        get_run_logger().info("%s is at %s", commit_to, commit[:12])


def push_data(root: Path, targets: tuple[str, ...] = ()) -> None:
    """Send outputs to the DVC remote: of the named stages, or all."""
    said = ask_dvc(root, "push", *targets).strip().splitlines()
    get_run_logger().info("dvc push: %s", said[-1] if said else "done")


def commit_results(root: Path, branch: str) -> str:
    """Commit params.yaml and dvc.lock to `branch`, and push it where there is an `origin`.

    The commit holds the code of HEAD and those two files as they lie there; its parents are the
    tips of the branch, here and at `origin`, and HEAD. Neither working tree nor index nor HEAD
    move, unless the branch is the one checked out. Returns the commit; the tip itself where there
    is nothing new.
    """
    origin = "origin" in ask_git(root, "remote").split()
    if ask_git(root, "branch", "--show-current") == branch:
        if ask_git(root, "status", "--porcelain", "--", *RECORDED):
            ask_git(root, "add", "--", *RECORDED)
            ask_git(root, "commit", "--quiet", "-m", _message(root), "--only", "--", *RECORDED)
        commit = ask_git(root, "rev-parse", "HEAD")
    else:
        commit = _commit_beside(root, branch, fetched=origin and _fetch(root, branch))
    if origin:
        ask_git(root, "push", "--quiet", "origin", f"{commit}:refs/heads/{branch}")
    return commit


def _commit_beside(root: Path, branch: str, *, fetched: bool) -> str:
    """Write the commit without a working tree; returns it."""
    head = ask_git(root, "rev-parse", "HEAD")
    reference = f"refs/heads/{branch}"
    known = ask_git(root, "for-each-ref", "--format=%(objectname)", reference)
    theirs = ask_git(root, "rev-parse", "FETCH_HEAD") if fetched else ""
    tips = _last_ones(root, theirs, known)
    with tempfile.TemporaryDirectory() as folder:
        index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
        ask_git(root, "read-tree", "HEAD", **index)
        ask_git(root, "add", "--force", "--", *RECORDED, **index)
        tree = ask_git(root, "write-tree", **index)
    if len(tips) == 1 and ask_git(root, "rev-parse", f"{tips[0]}^{{tree}}") == tree:
        commit = tips[0]
    else:
        named = [word for parent in _last_ones(root, *tips, head) for word in ("-p", parent)]
        commit = ask_git(root, "commit-tree", tree, *named, "-m", _message(root))
    ask_git(root, "update-ref", reference, commit, *([known] if known else []))
    return commit


def _fetch(root: Path, branch: str) -> bool:
    """Fetch the branch from origin; False where origin has none."""
    # In full: `results` alone would also find the branch `team/results` and the tag `results`.
    reference = f"refs/heads/{branch}"
    if not ask_git(root, "ls-remote", "origin", reference):
        return False
    ask_git(root, "fetch", "--quiet", "origin", reference)
    return True


def _last_ones(root: Path, *commits: str) -> list[str]:
    """Those of the commits that no other one has in its history; empty names are none."""
    different = list(dict.fromkeys(filter(None, commits)))
    return [
        one
        for one in different
        if not any(_is_ancestor(root, one, other) for other in different if other != one)
    ]


def _is_ancestor(root: Path, one: str, other: str) -> bool:
    """Also of histories that share nothing."""
    return not ask_git(root, "rev-list", "--max-count=1", one, f"^{other}")


def _message(root: Path) -> str:
    return f"Record the results of {ask_git(root, 'rev-parse', '--short', 'HEAD')}"
