"""A Bloom filter over 64-bit hashes, with a stated bound on its false positives."""

import math

import numpy as np
import numpy.typing as npt

from gptpath.text.duplicates.shingles import Hashes, mix

FALSE_POSITIVE_RATE = 1e-8
"""The bound GPT-2 states for its filters (GPT-2 sec. 4)."""

_AT_ONCE = 2**18


class BloomFilter:
    """A set of hashes that may claim to hold what it does not, at a bounded rate, never less.

    Rate p is cheapest with k = -log2 p probes, rounded up, and then takes -k / ln(1 - p^(1/k)) bits
    per member: 27 probes and 38.3 bits at 1e-8. The bound holds as long as no more than `capacity`
    distinct hashes are added.
    """

    def __init__(self, capacity: int, false_positive_rate: float = FALSE_POSITIVE_RATE) -> None:
        self.probes = math.ceil(-math.log2(false_positive_rate))
        load = false_positive_rate ** (1 / self.probes)
        bits_per_member = -self.probes / math.log1p(-load)
        self.bits = max(64, math.ceil(max(1, capacity) * bits_per_member))
        self._bytes = np.zeros(math.ceil(self.bits / 8), dtype=np.uint8)

    def add(self, hashes: Hashes) -> None:
        """Add members; repeated ones change nothing."""
        hashes = np.unique(hashes)
        for start in range(0, len(hashes), _AT_ONCE):
            first, step = self._walk(hashes[start : start + _AT_ONCE])
            for probe in range(self.probes):
                places, masks = self._place(first, step, probe)
                np.bitwise_or.at(self._bytes, places, masks)

    def contains(self, hashes: Hashes) -> npt.NDArray[np.bool_]:
        """Whether each hash may be a member: True for all members, False for nearly all others."""
        found = np.ones(len(hashes), dtype=np.bool_)
        for start in range(0, len(hashes), _AT_ONCE):
            first, step = self._walk(hashes[start : start + _AT_ONCE])
            inside = found[start : start + _AT_ONCE]
            for probe in range(self.probes):
                places, masks = self._place(first, step, probe)
                inside &= self._bytes[places] & masks != 0
        return found

    @property
    def load(self) -> float:
        """Share of bits that are set; its `probes`-th power is the actual false-positive rate."""
        return int(np.bitwise_count(self._bytes).sum()) / self.bits

    def _walk(self, hashes: Hashes) -> tuple[Hashes, Hashes]:
        return mix(hashes), mix(hashes ^ np.uint64(0xD6E8FEB86659FD93)) | np.uint64(1)

    def _place(
        self, first: Hashes, step: Hashes, probe: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint8]]:
        """Byte and bit of one probe: enhanced double hashing (Dillinger and Manolios 2004)."""
        cubic = np.uint64((probe**3 - probe) // 6)
        bits = (first + np.uint64(probe) * step + cubic) % np.uint64(self.bits)
        masks = np.left_shift(1, bits & np.uint64(7), dtype=np.uint8, casting="unsafe")
        return (bits >> np.uint64(3)).astype(np.int64), masks
