import pytest
import torch

from gptpath.errors import ConfigError
from gptpath.model.device import (
    autocast,
    configure,
    repeatable,
    resolve_device,
    resolve_precision,
)


@pytest.fixture
def no_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_auto_is_the_cpu_where_there_is_no_cuda(no_cuda):
    assert resolve_device("auto") == torch.device("cpu")


def test_auto_is_cuda_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")


def test_cuda_is_refused_where_there_is_none(no_cuda):
    with pytest.raises(ConfigError, match="no CUDA device"):
        resolve_device("cuda")


@pytest.mark.parametrize(
    ("device", "asked", "given"),
    [
        ("cpu", "auto", "float32"),
        ("cuda", "auto", "bfloat16"),
        ("cpu", "bfloat16", "bfloat16"),
        ("cuda", "float32", "float32"),
    ],
)
def test_precision_follows_the_device_unless_it_is_given(device, asked, given):
    assert resolve_precision(torch.device(device), asked) == given


def test_matrices_multiply_in_the_asked_precision():
    cpu, x = torch.device("cpu"), torch.ones(2, 2)
    with autocast(cpu, "bfloat16"):
        assert (x @ x).dtype == torch.bfloat16
    with autocast(cpu, "auto"):
        assert (x @ x).dtype == torch.float32


def test_configure_sets_the_threads_and_flushes_denormals():
    threads = torch.get_num_threads()
    try:
        configure(1)
        assert torch.get_num_threads() == 1
        assert (torch.tensor([1e-30]) * 1e-10).item() == 0.0
    finally:
        torch.set_flush_denormal(False)
        torch.set_num_threads(threads)


def test_training_on_a_gpu_takes_repeatable_kernels_alone_and_leaves_the_choice_as_it_was():
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with repeatable(torch.device("cuda")):
            assert torch.are_deterministic_algorithms_enabled()
            assert not torch.is_deterministic_algorithms_warn_only_enabled()
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    with repeatable(torch.device("cuda")):
        pass
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_cpu_needs_no_other_kernels():
    with repeatable(torch.device("cpu")):
        assert not torch.are_deterministic_algorithms_enabled()
