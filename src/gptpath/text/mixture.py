"""How much of each source is kept, so that the sources' bytes come in the weights asked for."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from gptpath.text.splits import position


def kept_fractions(
    bytes_: Mapping[str, int], weights: Mapping[str, float | None]
) -> dict[str, float]:
    """Fraction of each source to keep; 1 for sources without a weight.

    The weighted sources are thinned to the largest mixture in which their bytes stand in the ratio
    of their weights: the scarcest of them is kept whole, nothing is repeated.
    """
    weighted = {name: weight for name, weight in weights.items() if weight is not None}
    if not weighted:
        return dict.fromkeys(weights, 1.0)
    most = min(bytes_[name] / weight for name, weight in weighted.items())
    return {
        name: 1.0 if weight is None else min(1.0, most * weight / bytes_[name])
        for name, weight in weights.items()
    }


def thinning_positions(ids: NDArray[np.uint64], seed: int) -> NDArray[np.float64]:
    """A number in [0, 1) for each id, fixed by seed and id and independent of the ids' order.

    A document stays where its number lies below its source's fraction. The bits are mixed as in
    SplitMix64 (Steele, Lea and Flood 2014).
    """
    start = np.uint64(int(position(seed, "mixture") * 2**64))
    with np.errstate(over="ignore"):
        x = ids + start
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x ^= x >> np.uint64(31)
    return (x >> np.uint64(11)).astype(np.float64) / 2**53
