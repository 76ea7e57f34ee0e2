"""Results on a branch: what the commit holds, what it leaves alone, and what is refused."""

import logging
import subprocess
from pathlib import Path

import pytest

from gptpath.errors import PipelineError
from tasks import publishing
from tasks.git import ask_git, require_committed_code
from tasks.publishing import check_publishing, commit_results


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone with an origin; its dvc.lock has new results."""
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "a@b")
    monkeypatch.setattr(publishing, "get_run_logger", lambda: logging.getLogger("test"))
    origin, root = tmp_path / "origin.git", tmp_path / "checkout"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", origin], check=True)
    subprocess.run(["git", "clone", "-q", origin, root], check=True, capture_output=True)
    (root / "src").mkdir()
    for name in ("params.yaml", "dvc.lock", "src/code.py"):
        (root / name).write_text("old\n")
    ask_git(root, "checkout", "--quiet", "-B", "main")
    ask_git(root, "add", "-A")
    ask_git(root, "commit", "--quiet", "-m", "Start")
    ask_git(root, "push", "--quiet", "origin", "main")
    (root / "dvc.lock").write_text("new\n")
    return root


def at_origin(root: Path, what: str) -> str:
    return ask_git(root.parent / "origin.git", "show", what)


def test_a_branch_gets_the_results_and_the_checkout_stays_as_it_is(checkout: Path) -> None:
    before = ask_git(checkout, "rev-parse", "HEAD")
    commit = commit_results(checkout, "results")
    assert at_origin(checkout, "results:dvc.lock") == "new"
    assert at_origin(checkout, "results:src/code.py") == "old"
    assert ask_git(checkout, "rev-parse", f"{commit}^") == before
    assert ask_git(checkout, "rev-parse", "HEAD") == before
    assert ask_git(checkout, "status", "--porcelain") == "M dvc.lock"


def test_the_same_results_again_are_no_commit(checkout: Path) -> None:
    assert commit_results(checkout, "results") == commit_results(checkout, "results")


def test_later_results_follow_earlier_ones_of_another_clone(checkout: Path) -> None:
    first = commit_results(checkout, "results")
    other = checkout.parent / "other"
    subprocess.run(["git", "clone", "-q", checkout.parent / "origin.git", other], check=True)
    (other / "src" / "code.py").write_text("newer\n")
    ask_git(other, "commit", "--quiet", "-am", "Code")
    (other / "dvc.lock").write_text("newer\n")
    second = commit_results(other, "results")
    parents = ask_git(other, "rev-list", "--parents", "-n", "1", second).split()[1:]
    assert parents == [first, ask_git(other, "rev-parse", "HEAD")]
    assert at_origin(checkout, "results:src/code.py") == "newer"


def test_other_refs_of_a_like_name_at_origin_are_not_the_branch(checkout: Path) -> None:
    ask_git(checkout, "push", "--quiet", "origin", "HEAD:refs/heads/team/results")
    ask_git(checkout, "push", "--quiet", "origin", "HEAD:refs/tags/results")
    first = commit_results(checkout, "results")
    (checkout / "dvc.lock").write_text("newer\n")
    second = commit_results(checkout, "results")
    assert at_origin(checkout, "refs/heads/results:dvc.lock") == "newer"
    assert ask_git(checkout, "rev-parse", f"{second}^") == first


def test_a_branch_that_shares_no_history_with_the_code_takes_results(checkout: Path) -> None:
    tree = ask_git(checkout, "rev-parse", "HEAD^{tree}")
    orphan = ask_git(checkout, "commit-tree", tree, "-m", "Of its own")
    ask_git(checkout, "push", "--quiet", "origin", f"{orphan}:refs/heads/results")
    commit = commit_results(checkout, "results")
    parents = ask_git(checkout, "rev-list", "--parents", "-n", "1", commit).split()[1:]
    assert parents == [orphan, ask_git(checkout, "rev-parse", "HEAD")]


def test_a_commit_of_the_branch_that_was_never_pushed_stays_in_it(checkout: Path) -> None:
    pushed = commit_results(checkout, "results")
    tree = ask_git(checkout, "rev-parse", f"{pushed}^{{tree}}")
    own = ask_git(checkout, "commit-tree", tree, "-p", pushed, "-m", "Unpushed")
    ask_git(checkout, "update-ref", "refs/heads/results", own)
    (checkout / "dvc.lock").write_text("newer\n")
    commit = commit_results(checkout, "results")
    assert ask_git(checkout, "rev-parse", f"{commit}^") == own


def test_the_branch_that_is_checked_out_is_committed_to_as_by_hand(checkout: Path) -> None:
    (checkout / "notes.txt").write_text("staged for another commit\n")
    ask_git(checkout, "add", "notes.txt")
    commit = commit_results(checkout, "main")
    assert ask_git(checkout, "rev-parse", "HEAD") == commit
    assert ask_git(checkout, "status", "--porcelain") == "A  notes.txt"
    assert at_origin(checkout, "main:dvc.lock") == "new"


def test_code_that_no_commit_has_is_refused_before_anything_runs(checkout: Path) -> None:
    check_publishing(checkout, push=False, commit_to="results")
    (checkout / "src" / "new.py").write_text("x\n")
    with pytest.raises(PipelineError, match=r"src/new\.py not committed; commit first"):
        check_publishing(checkout, push=False, commit_to="results")
    with pytest.raises(PipelineError, match="not a valid branch name"):
        check_publishing(checkout, push=False, commit_to="a..b")


def test_a_run_may_change_what_it_records(checkout: Path) -> None:
    (checkout / "params.yaml").write_text("new\n")
    require_committed_code(checkout, "why")
