"""Objects of DVC's cache that no branch, tag, experiment, workspace or registered alias names."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from gptpath.errors import PipelineError
from gptpath.retention.leftover import Leftover
from gptpath.retention.revisions import cached

KEEP = ("--workspace", "--all-branches", "--all-tags", "--all-experiments")


def cache_folder(root: Path) -> Path:
    """DVC's cache of a checkout."""
    return Path(_dvc(root, "cache", "dir").strip())


def cache_leftovers(root: Path, cache: Path, needed: Iterable[str]) -> Iterator[Leftover]:
    """What `dvc gc` would remove, as one leftover, less the objects `needed` (md5s).

    A cache outside the checkout may serve others, whose branches are not known here: left alone.
    """
    if not cache.resolve().is_relative_to(root.resolve()):
        return
    _restore(cache)
    kept = set(_with_children(cache, needed))
    dry = _dvc(root, "gc", *KEEP, "--dry")
    unused = {Path(path) for path in re.findall(r"Removing (/\S.*)$", dry, re.M)} - kept
    present = [path for path in unused if path.is_file()]
    if present:
        yield Leftover(
            kind="cache",
            what=f"{len(present)} objects of DVC's cache that no branch, tag or alias names",
            size_bytes=sum(path.stat().st_size for path in present),
            remove=lambda: _collect(root, cache, kept),
        )


def _collect(root: Path, cache: Path, kept: Iterable[Path]) -> None:
    """Let DVC collect; what aliases need is linked aside meanwhile, since DVC knows none."""
    aside = _aside(cache)
    for path in kept:
        if path.is_file():
            target = aside / path.relative_to(cache)
            target.parent.mkdir(parents=True, exist_ok=True)
            os.link(path, target)
    try:
        _dvc(root, "gc", *KEEP, "--force")
    finally:
        _restore(cache)


def _restore(cache: Path) -> None:
    """Put objects back that an earlier collection had aside; also after it was killed."""
    aside = _aside(cache)
    if not aside.is_dir():
        return
    for path in [path for path in aside.rglob("*") if path.is_file()]:
        target = cache / path.relative_to(aside)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists():
            os.link(path, target)
        path.unlink()
    for folder in sorted(aside.rglob("*"), reverse=True):
        folder.rmdir()
    aside.rmdir()


def _aside(cache: Path) -> Path:
    return cache.with_name(f"{cache.name}.kept")


def _with_children(cache: Path, md5s: Iterable[str]) -> Iterator[Path]:
    for md5 in md5s:
        path = cached(cache, md5)
        yield path
        if md5.endswith(".dir") and path.is_file():
            for entry in json.loads(path.read_text(encoding="utf-8")):
                yield cached(cache, entry["md5"])


def _dvc(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "--wait-for-lock", *arguments],
        cwd=root,
        env=os.environ | {"DVC_NO_ANALYTICS": "true"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        raise PipelineError(f"`dvc {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout + done.stderr
