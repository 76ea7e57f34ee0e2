"""What GPUs can do at most, by their makers' data sheets."""

import re
from typing import Literal

PEAK_FLOPS = {
    "A10": (125e12, "NVIDIA A10 data sheet"),
    "A100": (312e12, "NVIDIA A100 data sheet"),
    "A800": (312e12, "NVIDIA A100 data sheet; slower links alone"),
    "H100": (989e12, "NVIDIA H100 data sheet, SXM"),
    "H100 PCIe": (756e12, "NVIDIA H100 data sheet, PCIe"),
    "H100 NVL": (835e12, "NVIDIA H100 data sheet, NVL"),
    "H800": (989e12, "NVIDIA H100 data sheet, SXM; slower links alone"),
    "H200": (989e12, "NVIDIA H200 data sheet, SXM"),
    "B200": (2250e12, "NVIDIA HGX B200 data sheet"),
    "MI300X": (1307e12, "AMD Instinct MI300X data sheet"),
}
"""Dense bfloat16 FLOPs a second, and where they are printed; NVIDIA prints the double, which is
with sparsity, for Hopper and later."""


def peak_flops(device_name: str) -> float | Literal["unknown"]:
    """Peak bfloat16 FLOPs a second of the GPU called `device_name`; the longest match counts.

    An NVL or PCIe card is slower than the module it is named after: unknown unless the table has
    it.
    """
    if "MIG" in device_name:  # a slice of a GPU bears the name of the whole
        return "unknown"
    matches = [
        name for name in PEAK_FLOPS if re.search(rf"\b{name}\b(?! (?:NVL|PCIe))", device_name)
    ]
    return PEAK_FLOPS[max(matches, key=len)][0] if matches else "unknown"
