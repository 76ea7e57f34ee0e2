"""What DVC knows about a stage: its declaration in dvc.yaml and its md5s in dvc.lock.

Read from the two files, never through DVC's own objects: a stage process needs its inputs'
md5s while DVC itself holds the repository lock. No MLflow here, so that the flow can use it too.
"""

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gptpath.config.params import Params
from gptpath.errors import PipelineError

LEDGER = "ledger"
"""Folder of the stages' ledgers: measured times, so left out of every version."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StageDeclaration:
    """One stage of dvc.yaml with its templates filled in."""

    deps: tuple[str, ...]
    outs: tuple[str, ...]
    params: tuple[str, ...]
    """Dotted names in params.yaml that the stage depends on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LockEntry:
    """One stage of dvc.lock: what its last finished run consumed and produced."""

    cmd: str
    deps: Mapping[str, str]
    """Path -> md5."""
    outs: Mapping[str, str]
    """Path -> md5."""
    params: Mapping[str, Any]
    """Dotted name -> value."""

    def digest(self) -> str:
        """Version of the stage: md5 of the entry, without the ledger that holds measured times."""
        parts = {
            "cmd": self.cmd,
            "deps": _without_ledger(self.deps),
            "outs": _without_ledger(self.outs),
            "params": dict(self.params),
        }
        text = json.dumps(parts, sort_keys=True, default=str)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, kw_only=True, slots=True)
class StageInput:
    """An output of another stage that this stage reads."""

    path: str
    md5: str
    producer: str
    """The stage that wrote it, as DVC calls it."""


def stage_name(stage: str, item: str | None) -> str:
    """Return DVC's name of a stage: `pretrain@gpt2-laptop-s`, or the bare name without an item."""
    return f"{stage}@{item}" if item else stage


def split_name(name: str) -> tuple[str, str | None]:
    """Return stage and matrix item of DVC's name: the inverse of `stage_name`."""
    stage, _, item = name.partition("@")
    return stage, item or None


def ledger_path(root: Path, stage: str, item: str | None) -> Path:
    """Where the ledger of a stage lies: ledger/<stage>.json or ledger/<stage>/<item>.json."""
    folder = root / LEDGER
    return folder / stage / f"{item}.json" if item else folder / f"{stage}.json"


def read_declaration(root: Path, params: Params, stage: str, item: str | None) -> StageDeclaration:
    """Return the stage's entry of dvc.yaml; PipelineError when it has no such stage or item."""
    path = root / "dvc.yaml"
    stages = _parse_yaml(_read(path), str(path)).get("stages", {})
    if stage not in stages:
        known = ", ".join(stages)
        raise PipelineError(f"dvc.yaml has no stage {stage!r}; known: {known}")
    entry = stages[stage]
    values: dict[str, Any] = asdict(params)
    matrix: Mapping[str, Any] = entry.get("matrix", {})
    if item is not None and len(matrix) != 1:
        raise PipelineError(f"stage {stage} takes no item in dvc.yaml, given {item!r}")
    values["item"] = dict.fromkeys(matrix, item)

    def fill(key: str) -> tuple[str, ...]:
        return tuple(_fill_template(str(part), values) for part in entry.get(key, ()))

    return StageDeclaration(deps=fill("deps"), outs=fill("outs"), params=fill("params"))


def read_lock(root: Path) -> dict[str, LockEntry]:
    """Return dvc.lock by stage name; empty when nothing has run yet.

    DVC writes the file in place, so a reader beside it may see half of it: read again for 5 s.
    """
    path = root / "dvc.lock"
    deadline = time.monotonic() + 5
    while path.is_file():
        try:
            return parse_lock(_read(path), where=str(path))
        except PipelineError as error:
            if time.monotonic() > deadline:
                raise PipelineError(f"{error}; restore it with `git checkout dvc.lock`") from None
            time.sleep(0.1)
    return {}


def parse_lock(text: str, *, where: str) -> dict[str, LockEntry]:
    """Return the entries of a dvc.lock's text by stage name; `where` names it in messages.

    Raises PipelineError when it is cut off or no lock file.
    """
    try:
        return _entries(_parse_yaml(text, where))
    except (KeyError, TypeError, AttributeError) as error:
        raise PipelineError(f"{where} is no lock file of DVC: {error!r}") from None


def inputs_of(declaration: StageDeclaration, lock: Mapping[str, LockEntry]) -> list[StageInput]:
    """Return the outputs of other stages below the declared deps, ledgers left out, by path."""
    found = [
        StageInput(path=path, md5=md5, producer=producer)
        for producer, entry in lock.items()
        for path, md5 in _without_ledger(entry.outs).items()
        if any(path == dep or path.startswith(f"{dep}/") for dep in declaration.deps)
    ]
    return sorted(found, key=lambda one: one.path)


def _entries(content: Mapping[str, Any]) -> dict[str, LockEntry]:
    return {
        name: LockEntry(
            cmd=str(entry["cmd"]),
            deps=_md5s(entry.get("deps", ())),
            outs=_md5s(entry.get("outs", ())),
            params={
                key: value
                for values in entry.get("params", {}).values()
                for key, value in values.items()
            },
        )
        for name, entry in content["stages"].items()
    }


def _md5s(entries: Any) -> dict[str, str]:
    return {str(entry["path"]): str(entry["md5"]) for entry in entries}


def _without_ledger(paths: Mapping[str, str]) -> dict[str, str]:
    return {
        path: md5
        for path, md5 in paths.items()
        if path != LEDGER and not path.startswith(f"{LEDGER}/")
    }


def _fill_template(text: str, values: Mapping[str, Any]) -> str:
    def look_up(match: re.Match[str]) -> str:
        place: Any = values
        for part in match[1].split("."):
            if not isinstance(place, Mapping) or part not in place:
                raise PipelineError(f"dvc.yaml: {match[0]} names nothing in params.yaml")
            place = place[part]
        return str(place)

    return re.sub(r"\$\{([^}]+)\}", look_up, text)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(f"{path} cannot be read: {error}") from None


def _parse_yaml(text: str, where: str) -> dict[str, Any]:
    try:
        content = YAML(typ="safe").load(text)
    except YAMLError as error:
        raise PipelineError(f"{where} cannot be read: {error}") from None
    if not isinstance(content, dict):
        raise PipelineError(f"{where} holds no YAML mapping")
    return content
