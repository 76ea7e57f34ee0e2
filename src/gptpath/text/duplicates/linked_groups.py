"""Groups of documents linked directly or through others, each known by its lowest member."""

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.uint32]
"""Numbers of documents; four bytes each, as there may be very many."""


def separate(count: int) -> Numbers:
    """The lowest member of each document's group while nothing is linked."""
    return np.arange(count, dtype=np.uint32)


def link(lowest: Numbers, a: npt.NDArray[np.int64], b: npt.NDArray[np.int64]) -> Numbers:
    """The lowest members once each a[i] is linked with b[i]; their order does not matter.

    Union-find over arrays: hang the roots of each link below the lower one, flatten, repeat until
    all links lie within one group.
    """
    lowest = lowest.copy()
    while True:
        low, high = np.minimum(lowest[a], lowest[b]), np.maximum(lowest[a], lowest[b])
        apart = low != high
        if not apart.any():
            return lowest
        a, b = a[apart], b[apart]
        np.minimum.at(lowest, high[apart], low[apart])
        while not np.array_equal(flat := lowest[lowest], lowest):
            lowest = flat
