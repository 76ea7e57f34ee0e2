"""params.yaml and profiles on disk. The only place that reads or writes YAML parameters."""

import difflib
import io
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from pydantic import TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from gptpath.config.params import Params
from gptpath.errors import ConfigError


def load_params(path: Path) -> Params:
    """Read and check a parameter file; raises ConfigError naming every offending key."""
    return parse_params(_read_yaml(path), where=str(path))


def read_values(path: Path) -> Any:
    """The values of a parameter file as they stand there, unchecked; raises ConfigError."""
    return _read_yaml(path)


def parse_params(values: Any, *, where: str) -> Params:
    """Check already parsed YAML; `where` names the file in messages."""
    try:
        return TypeAdapter(Params).validate_python(values)
    except ValidationError as error:
        lines = [_explain(item) for item in error.errors()]
        raise ConfigError(f"{where}:\n  " + "\n  ".join(lines)) from None


def profile_text(profiles: Path, name: str, changes: list[str]) -> str:
    """Text of profile `name` after `a.b=value` changes, comments kept; checked before returning."""
    path = profiles / f"{name}.yaml"
    if not path.is_file():
        known = ", ".join(sorted(p.stem for p in profiles.glob("*.yaml")))
        raise ConfigError(f"no profile {name!r} in {profiles}; known: {known}")
    values = _read_yaml(path)
    for change in changes:
        _apply(values, change)
    parse_params(values, where=f"profile {name}")
    if not changes:
        return path.read_text(encoding="utf-8")
    out = io.StringIO()
    _yaml().dump(values, out)
    return out.getvalue()


def _yaml() -> YAML:
    yaml = YAML(typ="rt")  # YAML 1.2, as DVC reads it; keeps comments
    yaml.width = 100
    return yaml


def _read_yaml(path: Path) -> Any:
    if not path.is_file():
        raise ConfigError(f"no parameter file {path}; write one with `gptpath profile laptop`")
    try:
        return _yaml().load(path.read_text(encoding="utf-8"))
    except YAMLError as error:
        raise ConfigError(f"{path} is not valid YAML: {error}") from None


def _apply(values: Any, change: str) -> None:
    key, sign, text = change.partition("=")
    if not sign:
        raise ConfigError(f"--set takes key=value, given {change!r}; e.g. --set ingest.raw=books")
    *parents, last = key.split(".")
    place = values
    for parent in parents:
        place = _inside(place, parent, change)
    if isinstance(place, list):
        _inside(place, last, change)
        place[int(last)] = _yaml().load(text)
    elif isinstance(place, dict):
        place[last] = _yaml().load(text)
    else:
        raise ConfigError(f"--set {change}: {'.'.join(parents)}={place!r} has no settings below it")


def _inside(place: Any, key: str, change: str) -> Any:
    """The value under a key of a section, or under a number of a list."""
    if isinstance(place, list) and key.isdigit() and int(key) < len(place):
        return place[int(key)]
    if isinstance(place, dict) and key in place:
        return place[key]
    raise ConfigError(f"--set {change}: there is no section {key!r} in this profile")


def _explain(item: Any) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location)
    if item["type"] == "unexpected_keyword_argument":
        near = difflib.get_close_matches(location[-1], _known_keys(location[:-1]), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"{key}: unknown parameter{hint}"
    if item["type"] == "missing":
        return f"{key}: missing, a value is required"
    if item["type"] == "union_tag_not_found":
        return f"{key}.kind: missing, a value is required"
    if item["type"] == "union_tag_invalid":
        context = item["ctx"]
        return f"{key}: unknown kind {context['tag']!r}; known: {context['expected_tags']}"
    given = item.get("input")
    return f"{key}: {item['msg']} (given: {given!r})" if key else str(item["msg"])


def _known_keys(section: list[str]) -> list[str]:
    """Parameter names valid in a section, by walking the dataclasses of Params."""
    kind: Any = Params
    for part in section:
        if get_origin(kind) is dict:
            kind = get_args(kind)[1]
        elif get_origin(kind) is tuple:
            kind = get_args(kind)[0]  # `part` is a number
        elif get_origin(kind) is UnionType:
            kinds = {get_args(get_type_hints(one)["kind"])[0]: one for one in get_args(kind)}
            kind = kinds.get(part)
        elif is_dataclass(kind):
            kind = get_type_hints(kind).get(part)
    return [field.name for field in fields(kind)] if is_dataclass(kind) else []
