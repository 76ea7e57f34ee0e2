"""deploy/compose.yaml as `docker compose` reads it: variables filled in, required ones demanded."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

DEPLOY = Path(__file__).parents[1] / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?:(?P<rule>:[?-])(?P<rest>[^}]*))?\}")


def raw() -> dict[str, Any]:
    """The file's content with its variables as they are written."""
    return YAML(typ="safe").load(COMPOSE.read_text())


def required_variables() -> set[str]:
    """Variables without which `docker compose` refuses to start anything."""
    found = VARIABLE.finditer(COMPOSE.read_text())
    return {one["name"] for one in found if one["rule"] == ":?"}


def filled(environment: Mapping[str, str]) -> dict[str, Any]:
    """The file's content with variables filled in; KeyError names a required one that is empty."""
    return _fill(raw(), environment)


def _fill(value: Any, environment: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _fill(inner, environment) for key, inner in value.items()}
    if isinstance(value, list):
        return [_fill(inner, environment) for inner in value]
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: _look_up(match, environment), value)
    return value


def _look_up(match: re.Match[str], environment: Mapping[str, str]) -> str:
    given = environment.get(match["name"], "")
    if given:
        return given
    if match["rule"] == ":?":
        raise KeyError(f"{match['name']}: {match['rest']}")
    return match["rest"] if match["rule"] == ":-" else ""
