"""Where numbers are crunched, in which precision, and how repeatably."""

import os
from contextlib import AbstractContextManager, nullcontext

import torch

from gptpath.errors import ConfigError


def configure(threads: int) -> None:
    """Set up this process once, before any tensor work.

    Denormals become zero: early Adam moments are full of them, and a CPU takes a slow path for
    each. On CUDA, deterministic kernels are chosen where there is a choice.
    """
    torch.set_flush_denormal(True)  # before the thread pool, whose threads inherit it
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        # A debugging aid that writes all new memory once more.
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010


def resolve_device(name: str) -> torch.device:
    """Return the device called `auto`, `cpu` or `cuda`.

    Raises:
        ConfigError: if CUDA is asked for and absent.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise ConfigError(
            "compute.device=cuda, but this machine has no CUDA device that torch can use; "
            "set compute.device to auto or cpu"
        )
    return torch.device(name)


def resolve_precision(device: torch.device, precision: str) -> str:
    """Return `float32` or `bfloat16`; `auto` is bfloat16 on CUDA and float32 on the CPU."""
    if precision == "auto":
        return "bfloat16" if device.type == "cuda" else "float32"
    return precision


def autocast(device: torch.device, precision: str) -> AbstractContextManager[object]:
    """Context in which matrices multiply in `precision` while parameters stay float32."""
    if resolve_precision(device, precision) == "bfloat16":
        return torch.autocast(device.type, torch.bfloat16)
    return nullcontext()
