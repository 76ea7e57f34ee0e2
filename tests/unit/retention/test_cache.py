"""DVC's own garbage collection on a small repository with a branch, a tag and an alias."""

import hashlib
from pathlib import Path

import pytest

from gptpath.retention.cache import cache_folder, cache_leftovers
from gptpath.retention.revisions import cached
from tests.pipeline.tiny_checkout import commit, run

pytestmark = pytest.mark.slow


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The texts `tag`, `branch`, `alias`, `nobody` and `here` were once data/out, one by one."""
    root = tmp_path / "repository"
    root.mkdir()
    run(root, "git", "init", "-q", "-b", "main")
    run(root, "python", "-m", "dvc", "init", "-q")
    for text in ("tag", "branch", "alias", "nobody", "here"):
        (root / "out").write_text(text)
        run(root, "python", "-m", "dvc", "add", "-q", "out")
        commit(root, text)
        if text == "tag":
            run(root, "git", "tag", "v1")
        if text == "branch":
            run(root, "git", "branch", "other")
    return root


def test_what_a_tag_a_branch_an_alias_or_the_checkout_needs_survives(root: Path) -> None:
    cache = cache_folder(root)
    [one] = cache_leftovers(root, cache, {md5("alias")})
    assert one.size_bytes == len("nobody")
    assert cached(cache, md5("nobody")).exists(), "finding removes nothing"
    one.remove()
    there = {
        text: cached(cache, md5(text)).exists()
        for text in ("tag", "branch", "alias", "nobody", "here")
    }
    assert there == {"tag": True, "branch": True, "alias": True, "nobody": False, "here": True}
    assert cached(cache, md5("alias")).read_text() == "alias"
    assert not cache.with_name("cache.kept").exists()
    assert not list(cache_leftovers(root, cache, {md5("alias")}))


def test_what_a_killed_collection_had_aside_comes_back(root: Path) -> None:
    cache = cache_folder(root)
    place = cached(cache, md5("alias"))
    aside = cache.with_name("cache.kept") / place.relative_to(cache)
    aside.parent.mkdir(parents=True)
    place.rename(aside)
    list(cache_leftovers(root, cache, {md5("alias")}))
    assert place.read_text() == "alias"


def test_a_cache_that_others_may_share_is_left_alone(root: Path, tmp_path: Path) -> None:
    assert not list(cache_leftovers(root, tmp_path / "elsewhere", set()))
