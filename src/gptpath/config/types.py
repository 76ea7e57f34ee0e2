"""Whether values have the types that dataclass fields are annotated with.

For settings that pydantic does not see; no third-party import here (see sections.py).
"""

from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin


def fits(value: Any, kind: Any) -> bool:
    """Whether `value` is of the annotated type `kind`: a whole number is a float, no bool is."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any or origin is Literal:
        return kind is Any or value in inner
    if origin in (UnionType, Union):
        return any(fits(value, each) for each in inner)
    if origin is tuple:
        if not isinstance(value, tuple):
            return False
        kinds = inner[:1] * len(value) if inner[1] is ... else inner
        return len(value) == len(kinds) and all(map(fits, value, kinds))
    if origin is dict:
        return isinstance(value, dict) and all(fits(each, inner[1]) for each in value.values())
    if kind is bool or isinstance(value, bool):
        return kind is bool and isinstance(value, bool)
    return isinstance(value, (int, float) if kind is float else kind)
