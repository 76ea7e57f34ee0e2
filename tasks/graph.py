"""The stage graph as DVC sees it: which stages there are, what they wait for, what is stale."""

import json
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gptpath.errors import PipelineError
from tasks.dvc import ask_dvc


@dataclass(frozen=True, kw_only=True, slots=True)
class StageGraph:
    """All stages of dvc.yaml in an order in which they can run."""

    order: tuple[str, ...]
    """Every stage after its parents; else as in dvc.yaml, which lists the longest items first."""
    parents: Mapping[str, tuple[str, ...]]
    """Stage -> the stages whose outputs it reads."""
    fresh: frozenset[str]
    """Stages of which neither themselves nor any ancestor has to run."""

    def descendants(self, name: str) -> tuple[str, ...]:
        """All stages that need `name`, directly or not, in order."""
        found = {name}
        for other in self.order:
            if found.intersection(self.parents[other]):
                found.add(other)
        return tuple(other for other in self.order if other in found - {name})


def plan_stages(root: Path) -> StageGraph:
    """Ask DVC for the graph and for what has changed; PipelineError in DVC's own words."""
    with ThreadPoolExecutor(3) as pool:
        names = pool.submit(ask_dvc, root, "stage", "list", "--name-only")
        dot = pool.submit(ask_dvc, root, "dag", "--dot")
        status = pool.submit(ask_dvc, root, "status", "--json")
        found = parse_dot(dot.result())  # in no particular order
        parents = {name: found[name] for name in names.result().split()}
        changed = set(json.loads(status.result() or "{}"))
    order = topological_order(parents)
    stale: set[str] = set()
    for name in order:
        if name in changed or stale.intersection(parents[name]):
            stale.add(name)
    return StageGraph(order=order, parents=parents, fresh=frozenset(set(order) - stale))


def parse_dot(text: str) -> dict[str, tuple[str, ...]]:
    """Return stage -> parents from the output of `dvc dag --dot`, in the order listed there."""
    parents: dict[str, list[str]] = {}
    for line in text.splitlines():
        names = re.findall(r'"([^"]+)"', line)
        if len(names) == 1:
            parents.setdefault(names[0], [])
        elif len(names) == 2:
            parents.setdefault(names[0], [])
            parents.setdefault(names[1], []).append(names[0])
    return {name: tuple(above) for name, above in parents.items()}


def topological_order(parents: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Order the stages after their parents, keeping the given order where there is a choice."""
    waiting, order = list(parents), list[str]()
    while waiting:
        ready = next((name for name in waiting if set(parents[name]) <= set(order)), None)
        if ready is None:
            raise PipelineError(f"the stages wait for each other: {', '.join(waiting)}")
        waiting.remove(ready)
        order.append(ready)
    return tuple(order)
