"""What goes between the checkout of a sweep and those of its workers, and how each takes it in.

To the worker: the commit, params.yaml and dvc.lock. Back: the worker's entries of dvc.lock. Data
goes through the DVC remote, named by the md5s in those entries.
"""

import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from gptpath.config.loading import load_params
from gptpath.errors import PipelineError
from gptpath.tracking.lineage import (
    StageDeclaration,
    inputs_of,
    read_declaration,
    read_lock,
    split_name,
)
from tasks.dvc import ask_dvc
from tasks.git import ask_git, require_committed_code

LOCK = "dvc.lock"
PARAMS = "params.yaml"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """All that decides what is stale in a checkout, but for the data itself."""

    revision: str
    """Full hash of a commit that the workers' `origin` has."""
    params: str
    """Text of params.yaml."""
    lock: str
    """Text of dvc.lock."""


def read_standing(root: Path) -> Standing:
    """Where this checkout stands; PipelineError where a commit does not say so."""
    require_committed_code(root, "workers get their code by git")
    return Standing(
        revision=ask_git(root, "rev-parse", "HEAD"),
        params=(root / PARAMS).read_text(encoding="utf-8"),
        lock=(root / LOCK).read_text(encoding="utf-8"),
    )


def take_standing(root: Path, standing: Standing) -> None:
    """Bring a worker's checkout to where the sweep's stands.

    Raises PipelineError where the commit cannot be had, or where it would cost code that is
    committed nowhere.
    """
    if ask_git(root, "rev-parse", "HEAD") != standing.revision:
        require_committed_code(root, f"this worker's checkout has to go to {standing.revision}")
        if not _has(root, standing.revision):
            ask_git(root, "fetch", "--quiet", "origin")
        if not _has(root, standing.revision):
            origin = ask_git(root, "remote", "get-url", "origin")
            raise PipelineError(
                f"commit {standing.revision} is not in {origin}; push it, then sweep again"
            )
        ask_git(root, "checkout", "--quiet", "--force", "--detach", standing.revision)
    _write(root / PARAMS, standing.params)
    _write(root / LOCK, standing.lock)


def require_shared_inputs(root: Path, stages: Sequence[str]) -> None:
    """Raise PipelineError where stages read files of this checkout that no worker can get."""
    lock, declarations = read_lock(root), _declarations(root, stages)
    own = {out for declaration in declarations for out in declaration.outs}
    for declaration in declarations:
        made = own | {one.path for one in inputs_of(declaration, lock)}
        given = [dep for dep in declaration.deps if dep not in made and not dep.startswith("src/")]
        held = made | {name.removesuffix(".dvc") for name in _dvc_files(root, given)}
        for path in _files(root, "--others", given):
            if not any(path == one or path.startswith(f"{one}/") for one in held):
                raise PipelineError(
                    f"{path} is an input that workers cannot get: neither git nor DVC has it; "
                    f"`dvc add {path}`, then commit and `dvc push`"
                )


def fetch_inputs(root: Path, stages: Sequence[str]) -> None:
    """Fetch from the DVC remote what the stages read and do not make themselves."""
    lock, found = read_lock(root), set[str]()
    for declaration in _declarations(root, stages):
        inputs = inputs_of(declaration, lock)
        found.update(one.path for one in inputs if one.producer not in stages)
        found.update(_dvc_files(root, declaration.deps))
    if found:
        ask_dvc(root, "pull", "--force", *sorted(found))


def lock_entries(root: Path, stages: Sequence[str]) -> str:
    """The stages' entries of dvc.lock as YAML text."""
    yaml, text = _yaml(), io.StringIO()
    entries = yaml.load((root / LOCK).read_text(encoding="utf-8"))["stages"]
    yaml.dump({name: entries[name] for name in stages}, text)
    return text.getvalue()


def take_entries(root: Path, texts: Sequence[str]) -> None:
    """Put workers' entries into this dvc.lock and fetch the outputs that they name."""
    yaml = _yaml()
    lock = yaml.load((root / LOCK).read_text(encoding="utf-8"))
    entries: dict[str, Mapping[str, Any]] = {}
    for text in texts:
        entries |= yaml.load(text)
    lock["stages"].update(entries)
    written = io.StringIO()
    yaml.dump(lock, written)
    _write(root / LOCK, written.getvalue())
    ask_dvc(root, "pull", "--force", *entries)


def _declarations(root: Path, stages: Sequence[str]) -> list[StageDeclaration]:
    params = load_params(root / PARAMS)
    return [read_declaration(root, params, *split_name(name)) for name in stages]


def _dvc_files(root: Path, deps: Sequence[str]) -> list[str]:
    """Data files of a person's own that DVC holds, at or below the deps."""
    places = [place for dep in deps for place in (f"{dep}.dvc", f":(glob){dep}/**/*.dvc")]
    return _files(root, "--cached", places)


def _files(root: Path, kind: str, places: Sequence[str]) -> list[str]:
    """Files at or below places, as git lists them; nothing of no places."""
    if not places:
        return []
    # Ended by zeros: else names that are not ASCII come quoted.
    return ask_git(root, "ls-files", "-z", kind, "--", *places).split("\0")[:-1]


def _has(root: Path, revision: str) -> bool:
    try:
        ask_git(root, "cat-file", "-e", f"{revision}^{{commit}}")
    except PipelineError:
        return False
    return True


def _yaml() -> YAML:
    """As DVC writes its lock: DVC and we leave the same bytes."""
    yaml = YAML()
    yaml.default_flow_style = False
    return yaml


def _write(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)
