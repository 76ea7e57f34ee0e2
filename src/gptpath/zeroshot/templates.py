"""The template language of prompt tasks: `{field}`, `{field.inner.0}`, `{field|filter:argument}`.

`{{` and `}}` stand for braces. A path goes into objects by key and into lists by number; a key
after a list collects it from every element. Filters: `capitalize`, `lower`, `upper`, `strip`,
`before:TEXT`, `after:TEXT` (TEXT must occur; its first occurrence counts).
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from gptpath.errors import ConfigError
from gptpath.zeroshot.items import MalformedItemError

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]+)\}")


def render(template: str, row: Mapping[str, Any]) -> str:
    """Fill a template from a row.

    Raises:
        MalformedItemError: the row lacks a field, or it is no text or number.
        ConfigError: the template names a filter that does not exist.
    """

    def fill(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0][0]
        path, *filters = match[1].split("|")
        value = lookup(row, path)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise MalformedItemError(f"{path} is no text", reason="field is no text")
        text = str(value)
        for each in filters:
            text = _filter(each, text)
        return text

    return _PIECE.sub(fill, template)


def lookup(row: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path; raises MalformedItemError where there is none."""
    value: Any = row
    for key in path.strip().split("."):
        value = _step(value, key, path)
    return value


def _step(value: Any, key: str, path: str) -> Any:
    if isinstance(value, list | tuple) and not key.isdigit():
        return [_step(each, key, path) for each in value]
    try:
        return value[int(key)] if isinstance(value, list | tuple) else value[key]
    except (KeyError, IndexError, TypeError):
        raise MalformedItemError(f"no field {path!r}", reason=f"no field {path}") from None


def _filter(call: str, text: str) -> str:
    name, _, argument = call.partition(":")
    if name in _PLAIN:
        return _PLAIN[name](text)
    if name not in ("before", "after") or not argument:
        known = ", ".join((*_PLAIN, "before:TEXT", "after:TEXT"))
        raise ConfigError(f"unknown template filter {call!r}; known: {known}")
    head, found, tail = text.partition(argument)
    if not found:
        raise MalformedItemError(f"no {argument!r} in {text!r}", reason=f"no {argument!r} in field")
    return head if name == "before" else tail


_PLAIN: dict[str, Callable[[str], str]] = {
    "capitalize": str.capitalize,
    "lower": str.lower,
    "upper": str.upper,
    "strip": str.strip,
}
