"""The stage graph as DVC sees it: which stages there are, what they wait for, what is stale."""

import json
import re
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from gptpath.errors import PipelineError
from gptpath.tracking.lineage import split_name
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

    def needed_for(self, names: Sequence[str]) -> "StageGraph":
        """The part of the graph that ends in `names`; PipelineError for a name that it lacks."""
        if unknown := [name for name in names if name not in self.parents]:
            raise PipelineError(
                f"no stage {', '.join(unknown)} in dvc.yaml; known: {', '.join(self.order)}"
            )
        needed = set(names)
        for name in reversed(self.order):
            if name in needed:
                needed.update(self.parents[name])
        return self.only(needed)

    def only(self, names: Collection[str]) -> "StageGraph":
        """These stages without those that they wait for."""
        order = tuple(name for name in self.order if name in names)
        parents = {
            name: tuple(parent for parent in self.parents[name] if parent in names)
            for name in order
        }
        return StageGraph(order=order, parents=parents, fresh=self.fresh.intersection(order))

    def of_item(self, item: str) -> tuple[str, ...]:
        """The stages of one item of a matrix: all that is done for one model, or one task."""
        return tuple(name for name in self.order if split_name(name)[1] == item)


def plan_stages(root: Path) -> StageGraph:
    """Ask DVC for the graph and for what has changed; PipelineError in DVC's own words."""
    with ThreadPoolExecutor(3) as pool:
        names = pool.submit(ask_dvc, root, "stage", "list", "--name-only")
        dot = pool.submit(ask_dvc, root, "dag", "--dot")
        status = pool.submit(ask_dvc, root, "status", "--json")
        found = parse_dot(dot.result())  # in no particular order
        listed = names.result().split()
        # Data that a person has added (`data/raw/books.dvc`) is a node too, but nothing to run.
        parents = {
            name: tuple(parent for parent in found[name] if parent in listed) for name in listed
        }
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
