"""One thing that may go."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Leftover:
    """Something that no alias, tag, branch or running stage needs."""

    kind: str
    """`scratch`, `cache`, `version` or `run`."""
    what: str
    """For people: what it is."""
    size_bytes: int
    """What it holds on this machine's disk; 0 where a server keeps it."""
    remove: Callable[[], None]


def tree_bytes(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; 0 where there is nothing."""
    if path.is_file():
        return path.stat().st_size
    return sum(one.stat().st_size for one in path.rglob("*") if one.is_file())
