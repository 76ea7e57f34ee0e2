"""What a stage cost, measured: time, memory and energy of this process, and on which machine.

Imports no tensor library: light stages keep a ledger too. GPU facts come in only where torch has
been imported by somebody else.
"""

import logging
import os
import platform
import resource
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from gptpath.train.nvml import boards
from gptpath.train.peaks import peak_flops

logger = logging.getLogger(__name__)

Unknown = Literal["unknown"]

POWERCAP = Path("/sys/class/powercap")
"""Where Linux shows the energy counters of the processor packages (RAPL)."""


class Meter:
    """Context manager whose `as` target, a dict, is filled when the context ends.

    `wall_seconds`; `cpu_seconds`, of this process and its finished children; `peak_memory_bytes`,
    the largest resident memory of this process since it began; `peak_device_memory_bytes`, what
    torch has allocated on its GPU at most, None without one; `energy_joules` and `energy_source`:
    `nvml` (the boards of all GPUs that this process can see), `rapl` (the processor packages, with
    all that runs on them), or both `unknown`.
    """

    def __init__(self) -> None:
        self._reading: dict[str, Any] = {}

    def __enter__(self) -> dict[str, Any]:
        self.start()
        return self._reading

    def __exit__(self, *exception: object) -> None:
        self._reading.update(self.read())

    def start(self) -> "Meter":
        """Measure from here on."""
        self._wall, self._cpu = time.perf_counter(), _cpu_seconds()
        self._boards, self._packages = _board_joules(), _package_counters()
        return self

    def read(self) -> dict[str, Any]:
        """What has been measured since the start."""
        joules, source = self._energy()
        return {
            "wall_seconds": time.perf_counter() - self._wall,
            "cpu_seconds": _cpu_seconds() - self._cpu,
            "peak_memory_bytes": _peak_resident_bytes(),
            "peak_device_memory_bytes": _peak_device_bytes(),
            "energy_joules": joules,
            "energy_source": source,
        }

    def _energy(self) -> tuple[float | Unknown, str]:
        if _gpu_in_use():
            now = _board_joules()
            own = [f"GPU-{gpu['uuid']}" for gpu in _gpus()]
            if own and all(board in self._boards and board in now for board in own):
                return sum(now[board] - self._boards[board] for board in own), "nvml"
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


def account(
    reading: Mapping[str, Any], attempts: Sequence[Mapping[str, Any]], flops: float | None
) -> dict[str, Any]:
    """What a stage cost with all its attempts (gptpath.train.attempts).

    `reading` is what this process has measured, which contains those that it began itself. A stage
    that makes no attempts is one.
    """
    earlier = [one for one in attempts if one["earlier"]]
    here = [one for one in attempts if not one["earlier"]]
    # Ranks under torchrun have GPUs that this process has not.
    seen = here if any(one["energy_source"] == "nvml" for one in here) else [reading]
    energy = [one["energy_joules"] for one in (*earlier, *seen)]
    known = "unknown" not in energy
    wall = reading["wall_seconds"]
    device_seconds = sum(one["device_seconds"] for one in attempts) or wall
    speed = None if flops is None else flops / device_seconds
    device_memory = [one["peak_device_memory_bytes"] for one in (reading, *attempts)]
    return {
        "attempts": max(1, len(attempts)),
        "wall_seconds": wall + sum(one["wall_seconds"] for one in earlier),
        "device_hours": device_seconds / 3600,
        "cpu_seconds": reading["cpu_seconds"] + sum(one["cpu_seconds"] for one in earlier),
        "peak_memory_bytes": max(one["peak_memory_bytes"] for one in (reading, *attempts)),
        "peak_device_memory_bytes": max((m for m in device_memory if m), default=None),
        "energy_joules": sum(energy) if known else "unknown",
        "energy_source": seen[0]["energy_source"] if known else "unknown",
        "utilisation": utilisation(speed, name=here[-1]["device"] if here else None),
    }


def utilisation(
    flops_per_second: float | None, *, devices: int = 1, name: str | None = None
) -> float | Unknown:
    """Model FLOPs a second as a share of the peak of `devices` GPUs (MFU); unknown on a CPU.

    `name` is what the GPUs are called; None means the one in use. More than the peak is never
    told: then the table of peaks is wrong.
    """
    name = device_name() if name is None else name
    peak = peak_flops(name)
    if flops_per_second is None or peak == "unknown":
        return "unknown"
    share = flops_per_second / (devices * peak)
    if share > 1:
        logger.warning(
            "%.3g FLOPs a second are %.0f %% of the peak of %d x %s in train/peaks.py; correct it",
            flops_per_second,
            100 * share,
            devices,
            name,
        )
        return "unknown"
    return share


def device_name() -> str:
    """Name of the GPU in use, or `cpu`."""
    return sys.modules["torch"].cuda.get_device_name() if _gpu_in_use() else "cpu"


def peak_memory_bytes() -> int:
    """Most memory used by this process so far: allocated on its GPU, or resident on a CPU."""
    return _peak_device_bytes() or _peak_resident_bytes()


def _peak_device_bytes() -> int | None:
    return sys.modules["torch"].cuda.max_memory_allocated() if _gpu_in_use() else None


def _cpu_seconds() -> float:
    who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(one) for one in who]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_resident_bytes() -> int:
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
    """Energy counter of every NVIDIA board that has one, by its UUID."""
    return {board.uuid: board.joules for board in boards() if board.joules is not None}


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
