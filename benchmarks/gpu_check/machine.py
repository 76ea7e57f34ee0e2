"""Sections `machine`: what it is, how fast it multiplies, and which attention is fastest."""

import platform
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from importlib import metadata

import torch
import torch.nn.functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.gpu_check.child import Findings
from benchmarks.gpu_check.settings import Settings
from gptpath.model.device import configure, repeatable
from gptpath.train.ledger import Meter, machine
from gptpath.train.peaks import peak_flops

_PACKAGES = ("torch", "transformers", "tiktoken", "numpy", "triton", "safetensors")


def run(settings: Settings, findings: Findings, item: str) -> None:
    configure(threads=torch.get_num_threads())
    device = torch.device(settings.device)
    meter = Meter().start()
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    torch.zeros(1, device=device)  # from here on the ledger's functions know that GPUs are used
    findings.note(
        chip=name,
        peak_flops=peak_flops(name),
        machine=machine(),
        python=platform.python_version(),
        packages={package: _version(package) for package in _PACKAGES},
        cuda=torch.version.cuda,
        float32_matmul_precision=torch.get_float32_matmul_precision(),
        memory_bytes=torch.cuda.get_device_properties(0).total_memory if name != "cpu" else None,
    )
    rate = matmul_rate(device, seconds=3.0 if device.type == "cuda" else 0.5)
    findings.note(matmul_flops=rate)
    peak = peak_flops(name)
    if peak == "unknown":
        findings.note(matmul_share="unknown")
    else:
        findings.note(matmul_share=rate / peak)
        findings.check(
            "matrix products reach half of the data sheet and no more than all of it",
            0.5 < rate / peak <= 1,
            f"{rate / 1e12:.0f} of {peak / 1e12:.0f} TFLOP/s",
        )
    reading = meter.read()
    findings.note(energy_joules=reading["energy_joules"], energy_source=reading["energy_source"])
    findings.note(attention_milliseconds=attention_times(device, small=settings.small))


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "absent"


def matmul_rate(device: torch.device, *, seconds: float) -> float:
    """FLOP/s of large square products, bfloat16 on a GPU; the median of rounds in `seconds`."""
    cuda = device.type == "cuda"
    size, rounds = (8192, 20) if cuda else (512, 5)
    kind = torch.bfloat16 if cuda else torch.float32
    a, b = (torch.randn(size, size, device=device, dtype=kind) for _ in range(2))
    out = torch.empty_like(a)
    rates: list[float] = []
    end = time.monotonic() + seconds
    torch.mm(a, b, out=out)
    while time.monotonic() < end or len(rates) < 3:
        start = clock(device)
        for _ in range(rounds):
            torch.mm(a, b, out=out)
        rates.append(2.0 * size**3 * rounds / (clock(device) - start))
    return sorted(rates)[len(rates) // 2]


def attention_times(device: torch.device, *, small: bool) -> dict[str, float | str]:
    """Milliseconds of attention forward and backward by kernel, at the shape of GPT-2 small.

    `repeatable` is what training asks for, unless compute.repeatable is false; `default` is the
    kernel that torch then takes of its own accord.
    """
    shape = (1, 2, 64, 16) if small else (16, 12, 1024, 64)
    kind = torch.bfloat16 if device.type == "cuda" else torch.float32
    q, k, v = (torch.randn(shape, device=device, dtype=kind, requires_grad=True) for _ in range(3))

    def attend() -> None:
        F.scaled_dot_product_attention(q, k, v, is_causal=True).sum().backward()

    kernels = {
        "default": None,
        "flash": SDPBackend.FLASH_ATTENTION,
        "cudnn": SDPBackend.CUDNN_ATTENTION,
        "efficient": SDPBackend.EFFICIENT_ATTENTION,
        "math": SDPBackend.MATH,
    }
    times: dict[str, float | str] = {}
    for label, context in (("repeatable", repeatable(device)), ("free", free_choice())):
        with context:
            for name, kernel in kernels.items():
                try:
                    with nullcontext() if kernel is None else sdpa_kernel(kernel):
                        times[f"{name}, {label}"] = _milliseconds(attend, device)
                except RuntimeError as error:
                    reason = str(error).splitlines()[0][:80]
                    times[f"{name}, {label}"] = f"not available: {reason}"
    return times


@contextmanager
def free_choice() -> Generator[None]:
    """Let torch take the fastest kernels, repeatable or not."""
    enabled = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(False)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(enabled, warn_only=True)


def clock(device: torch.device) -> float:
    """Seconds on a clock that the device has caught up with."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def _milliseconds(work: Callable[[], None], device: torch.device, rounds: int = 10) -> float:
    for _ in range(3):  # the second one still asks for memory: gradients are added up
        work()
    start = clock(device)
    for _ in range(rounds):
        work()
    return (clock(device) - start) / rounds * 1e3
