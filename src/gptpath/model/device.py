"""Where numbers are crunched, in which precision, and how repeatably."""

import ctypes
import os
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import torch

from gptpath.errors import ConfigError


def configure(threads: int) -> None:
    """Set up this process once, before any tensor work.

    Denormals become zero: early Adam moments are full of them, and a CPU takes a slow path for
    each. On CUDA, deterministic kernels are chosen where there is a choice.
    """
    _keep_freed_memory()
    torch.set_flush_denormal(True)  # before the thread pool, whose threads inherit it
    torch.set_num_threads(threads)
    if torch.cuda.is_available():
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)
        # A debugging aid that writes all new memory once more.
        setattr(torch.utils.deterministic, "fill_uninitialized_memory", False)  # noqa: B010


def _keep_freed_memory() -> None:
    """Make the C library keep what a training step frees, for the next step to use (glibc alone).

    By default it returns large blocks to the kernel, which then clears them page by page when the
    next step asks for the same sizes: at 12M parameters, 22,000 page faults a step become 50.
    """
    try:
        mallopt = ctypes.CDLL("libc.so.6").mallopt
    except (OSError, AttributeError):
        return
    trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD of malloc.h
    mallopt(trim_threshold, 2**31 - 1)
    if not mallopt(mmap_threshold, 2**30):
        mallopt(mmap_threshold, 2**25)  # the most that older versions take


@contextmanager
def repeatable(device: torch.device) -> Generator[None]:
    """Only kernels that give the same bits at every run; an operation without one is an error.

    That is what training needs to go on exactly. `configure` alone merely prefers such kernels,
    and attention then still takes a backward pass whose sums come in any order.
    """
    if device.type != "cuda":
        yield
        return
    enabled = torch.are_deterministic_algorithms_enabled()
    lenient = torch.is_deterministic_algorithms_warn_only_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=lenient)


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
