"""What this machine has to offer."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, kw_only=True, slots=True)
class Machine:
    """The resources that a plan is held against."""

    cores: int
    """CPU cores this process may use."""
    memory_bytes: int
    """Memory of the machine, or of the container's limit where that is lower."""
    disk_free_bytes: int
    """Free bytes of the disk that holds the checkout."""
    gpu: str | None
    """Name of the CUDA device that the plan uses; None on the CPU."""
    gpu_memory_bytes: int = 0


def describe_machine(root: Path, device: str) -> Machine:
    """Look at the machine; `device` is the resolved compute.device, `cpu` or `cuda`."""
    gpu, gpu_memory = None, 0
    if device == "cuda":
        import torch

        properties = torch.cuda.get_device_properties(0)
        gpu, gpu_memory = properties.name, properties.total_memory
    return Machine(
        cores=len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count() or 1,
        memory_bytes=min(psutil.virtual_memory().total, _container_limit()),
        disk_free_bytes=shutil.disk_usage(root).free,
        gpu=gpu,
        gpu_memory_bytes=gpu_memory,
    )


def _container_limit() -> int:
    """Memory limit of the control group; a huge number where there is none."""
    unlimited = 2**62
    for name in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(name).read_text(encoding="ascii").strip()
        except OSError:
            continue
        return int(text) if text.isdigit() else unlimited
    return unlimited
