"""Products by oneDNN: the same maps and gradients as torch's own, on any x86 CPU."""

import pytest
import torch
import torch.nn.functional as F

from gptpath.model import products
from gptpath.model.products import faster_than_blas, onednn_linear

pytestmark = pytest.mark.skipif(
    not torch.backends.mkldnn.is_available(), reason="this build of torch has no oneDNN"
)


def operands(*shape: int, bias: bool = True):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(*shape, generator=generator, requires_grad=True)
    weight = torch.randn(48, shape[-1], generator=generator, requires_grad=True)
    offset = torch.randn(48, generator=generator, requires_grad=True) if bias else None
    return x, weight, offset


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("shape", [(1, 32), (33, 32), (2, 17, 32), (2, 3, 5, 32)])
def test_values_and_gradients_are_those_of_exact_products(shape, bias):
    inputs = [each for each in operands(*shape, bias=bias) if each is not None]
    value = onednn_linear(*inputs)
    upstream = torch.randn(value.shape, generator=torch.Generator().manual_seed(1))
    found = torch.autograd.grad(value, inputs, upstream)
    exact_inputs = [each.detach().double().requires_grad_() for each in inputs]
    exact = F.linear(*exact_inputs)
    expected = torch.autograd.grad(exact, exact_inputs, upstream.double())
    torch.testing.assert_close(value.double(), exact, atol=1e-5, rtol=1e-5)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.double(), theirs, atol=1e-4, rtol=1e-5)


def test_transposed_weights_and_parts_of_a_tensor_are_read_as_they_lie():
    x, weight, _ = (None if each is None else each.detach() for each in operands(20, 48))
    assert x is not None
    assert weight is not None
    expected = x.double() @ weight.double()
    torch.testing.assert_close(onednn_linear(x, weight.t()).double(), expected, atol=1e-5, rtol=0)
    part = onednn_linear(x[3:9], weight[:, :40].t())
    torch.testing.assert_close(part.double(), expected[3:9, :40], atol=1e-5, rtol=0)


def test_what_is_not_float32_is_left_to_torch():
    x, weight, bias = (each.detach() for each in operands(5, 32) if each is not None)
    doubles = x.double(), weight.double(), bias.double()
    assert torch.equal(onednn_linear(*doubles), F.linear(*doubles))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(onednn_linear(x, weight, bias), F.linear(x, weight, bias))


def test_only_cpus_by_amd_are_asked_for_it(monkeypatch, tmp_path):
    info = tmp_path / "cpuinfo"
    monkeypatch.setattr(products, "_CPU_INFO", info)
    monkeypatch.setattr(products.platform, "system", lambda: "Linux")
    monkeypatch.setattr(products.platform, "machine", lambda: "x86_64")
    for vendor, expected in (("AuthenticAMD", True), ("GenuineIntel", False)):
        info.write_text(f"processor\t: 0\nvendor_id\t: {vendor}\n")
        faster_than_blas.cache_clear()
        assert faster_than_blas() is expected
    monkeypatch.setattr(products.platform, "system", lambda: "Darwin")
    faster_than_blas.cache_clear()
    assert faster_than_blas() is False
    faster_than_blas.cache_clear()
