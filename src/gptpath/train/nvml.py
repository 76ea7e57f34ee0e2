"""The NVIDIA boards of this host, asked of the driver's own library (NVML); no Python package."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_UUID_BYTES = 96
"""NVML_DEVICE_UUID_V2_BUFFER_SIZE of nvml.h."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """One GPU board."""

    uuid: str
    """`GPU-...`, as CUDA_VISIBLE_DEVICES takes it."""
    joules: float | None
    """Its energy counter, which starts with the driver; None where it has none."""
    split: bool
    """Into MIG instances, which are what CUDA then sees."""


def boards() -> list[Board]:
    """Every board that this process may ask, by NVML's index; none without the driver."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return []
    if nvml.nvmlInit_v2() != 0:
        return []
    try:
        return list(_boards(nvml))
    finally:
        nvml.nvmlShutdown()


def _boards(nvml: Any) -> Iterator[Board]:
    """Ask an initialised library; its functions return 0 where they have an answer."""
    count, handle = ctypes.c_uint(), ctypes.c_void_p()
    uuid = ctypes.create_string_buffer(_UUID_BYTES)
    millijoules = ctypes.c_ulonglong()
    now, later = ctypes.c_uint(), ctypes.c_uint()
    nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    for index in range(count.value):
        if nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)) != 0:
            continue  # lost, or another user's: CUDA does not count it either
        if nvml.nvmlDeviceGetUUID(handle, uuid, _UUID_BYTES) != 0:
            continue
        counted = nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules))
        known = nvml.nvmlDeviceGetMigMode(handle, ctypes.byref(now), ctypes.byref(later))
        yield Board(
            uuid=uuid.value.decode(),
            joules=millijoules.value / 1000 if counted == 0 else None,
            split=known == 0 and now.value != 0,
        )
