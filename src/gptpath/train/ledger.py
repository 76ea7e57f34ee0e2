"""What a stage cost, measured: time, memory and energy of this process, and on which machine.

Imports no tensor library: light stages keep a ledger too. GPU facts come in only where torch has
been imported by somebody else.
"""

import ctypes
import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any, Literal

Unknown = Literal["unknown"]

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows the energy counters of the processor packages (RAPL)."""

PEAK_FLOPS = {
    # bfloat16, dense, without sparsity
    "A100": 312e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "H200": 989e12,
}
"""Peak FLOPs a second by a part of the device's name; the longest matching name counts."""


class Meter:
    """Context manager whose `as` target, a dict, is filled when the context ends.

    `wall_seconds`; `cpu_seconds`, of this process and its finished children; `peak_memory_bytes`,
    the largest resident memory of this process since it began; `energy_joules` and
    `energy_source`: `nvml` (the boards of the GPUs in use), `rapl` (the processor packages, with
    all that runs on them), or both `unknown`.
    """

    def __init__(self) -> None:
        self._reading: dict[str, Any] = {}

    def __enter__(self) -> dict[str, Any]:
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()
        self._boards, self._packages = _board_joules(), _package_counters()
        return self._reading

    def __exit__(self, *exception: object) -> None:
        joules, source = self._energy()
        self._reading.update(
            wall_seconds=time.perf_counter() - self._wall,
            cpu_seconds=_cpu_seconds() - self._cpu,
            peak_memory_bytes=_peak_memory_bytes(),
            energy_joules=joules,
            energy_source=source,
        )

    def _energy(self) -> tuple[float | Unknown, str]:
        if _gpu_in_use():
            now = _board_joules()
            boards = [f"GPU-{gpu['uuid']}" for gpu in _gpus()]
            if boards and all(board in self._boards and board in now for board in boards):
                return sum(now[board] - self._boards[board] for board in boards), "nvml"
            return "unknown", "unknown"
        spent = _package_joules(self._packages, _package_counters())
        return ("unknown", "unknown") if spent is None else (spent, "rapl")


def machine() -> dict[str, Any]:
    """Describe this machine: processor, cores, memory, and GPUs if torch is loaded."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.machine()}",
        "gpus": [gpu["name"] for gpu in _gpus()],
    }


def peak_flops(device_name: str) -> float | Unknown:
    """Peak bfloat16 FLOPs a second of the GPU called `device_name`."""
    matches = [name for name in PEAK_FLOPS if name in device_name]
    return PEAK_FLOPS[max(matches, key=len)] if matches else "unknown"


def utilisation(flops: float | None, wall_seconds: float) -> float | Unknown:
    """Model FLOPs spent as a share of the GPU's peak (MFU); unknown on a CPU."""
    gpus = _gpus() if _gpu_in_use() else []
    peak = peak_flops(gpus[0]["name"]) if gpus else "unknown"
    return "unknown" if flops is None or peak == "unknown" else flops / (wall_seconds * peak)


def _cpu_seconds() -> float:
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(one) for one in who]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_memory_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or "unknown"


def _gpu_in_use() -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and torch.cuda.is_initialized()


def _gpus() -> list[dict[str, str]]:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return []
    properties = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return [{"name": one.name, "uuid": str(one.uuid)} for one in properties]


def _board_joules() -> dict[str, float]:
    """Energy counter of every NVIDIA board by its UUID; empty without the driver's library."""
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return {}
    if nvml.nvmlInit_v2() != 0:
        return {}
    joules: dict[str, float] = {}
    count, handle = ctypes.c_uint(), ctypes.c_void_p()
    uuid, millijoules = ctypes.create_string_buffer(96), ctypes.c_ulonglong()
    nvml.nvmlDeviceGetCount_v2(ctypes.byref(count))
    for index in range(count.value):
        codes = (
            nvml.nvmlDeviceGetHandleByIndex_v2(index, ctypes.byref(handle)),
            nvml.nvmlDeviceGetUUID(handle, uuid, 96),
            nvml.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)),
        )
        if not any(codes):
            joules[uuid.value.decode()] = millijoules.value / 1000
    nvml.nvmlShutdown()
    return joules


def _package_counters() -> dict[Path, int]:
    """Energy counter in microjoules of every processor package that we may read."""
    counters: dict[Path, int] = {}
    for zone in sorted(POWERCAP.glob("intel-rapl:*")):
        try:
            if (zone / "name").read_text(encoding="ascii").startswith("package"):
                counters[zone] = int((zone / "energy_uj").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return {}  # usually for root alone; part of the packages would be a wrong total
    return counters


def _package_joules(before: dict[Path, int], after: dict[Path, int]) -> float | None:
    if not before or before.keys() != after.keys():
        return None
    total = 0
    for zone, start in before.items():
        spent = after[zone] - start
        if spent < 0:  # the counter starts over at a maximum
            spent += int((zone / "max_energy_range_uj").read_text(encoding="ascii"))
        total += spent
    return total / 1e6
