"""Which split a document belongs to: a function of the seed and of what it must stay with."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from gptpath.errors import CorpusError

TRAIN, VALIDATION, TASKS = SPLITS = ("train", "validation", "tasks")

_AT_ONCE = 100_000


def position(seed: int, key: str) -> float:
    """A number in [0, 1) that is as good as random and fixed by seed and key."""
    digest = hashlib.blake2b(f"{seed}\0{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def positions(seed: int, ids: NDArray[np.uint64]) -> NDArray[np.float64]:
    """`position` of each id, written as 16 hex digits."""
    found = np.empty(len(ids))
    for start in range(0, len(ids), _AT_ONCE):
        some: list[int] = ids[start : start + _AT_ONCE].tolist()
        found[start : start + len(some)] = [position(seed, f"{id_:016x}") for id_ in some]
    return found


def split_bounds(
    found: NDArray[np.float64], *, validation: float, tasks: float
) -> tuple[float, float]:
    """(low, high): positions below `low` are validation, from `high` on tasks, else train.

    `validation` and `tasks` are fractions, and so are the bounds: what split something belongs to
    does not depend on the others. Only where there is so little that a split of positive fraction
    would stay empty, ranks take the place of positions and each such split gets at least one.
    Raises CorpusError with fewer positions than splits.
    """
    wanted = [TRAIN, *(name for name, x in ((VALIDATION, validation), (TASKS, tasks)) if x > 0)]
    if len(found) < len(wanted):
        raise CorpusError(
            f"{len(found)} separable texts cannot fill the {len(wanted)} splits "
            f"{', '.join(sorted(wanted))}; add files or documents"
        )
    low, high = validation, 1 - tasks
    lows, highs = int((found < low).sum()), int((found >= high).sum())
    missing = (validation > 0 and not lows) or (tasks > 0 and not highs)
    if not missing and lows + highs < len(found):
        return low, high
    lows, highs = (max(int(x > 0), round(x * len(found))) for x in (validation, tasks))
    lows = min(lows, len(found) - 1 - (highs > 0))
    highs = min(highs, len(found) - 1 - lows)
    ranked = np.sort(found)
    return float(ranked[lows]), float(ranked[-highs]) if highs else 1.0


def together(unit: NDArray[np.uint64], family: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """For each document the name of what it must share a split with: the lowest of its numbers.

    Documents of one unit (a file) belong together, and so do those of one duplicate family, and
    whatever these link.
    """
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    linked = unit != family
    count = int(linked.sum())
    if not count:
        return unit
    nodes, places = np.unique(np.concatenate([unit[linked], family[linked]]), return_inverse=True)
    edges = (np.ones(count, dtype=np.int8), (places[:count], places[count:]))
    graph = coo_matrix(edges, shape=(len(nodes), len(nodes)))
    _, component = connected_components(graph, directed=False)
    _, first = np.unique(component, return_index=True)  # nodes ascend: the first is the lowest
    name = nodes[first][component]
    place = np.minimum(np.searchsorted(nodes, unit), len(nodes) - 1)
    return np.where(nodes[place] == unit, name[place], unit)
