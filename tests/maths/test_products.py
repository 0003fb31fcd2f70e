"""Products by either library: nn.Linear's results and gradients, at any shape and layout."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from masr.maths import products
from masr.maths.products import Linear, is_intel, linear, product

SIZES = st.integers(0, 40)
ONEDNN = getattr(torch.ops.mkldnn, "_linear_pointwise", None)


@pytest.fixture(autouse=True, params=["oneDNN", "torch"], scope="module")
def kernels(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both, whatever this machine's processor would choose."""
    held, products._ONEDNN = products._ONEDNN, ONEDNN if request.param == "oneDNN" else None
    yield
    products._ONEDNN = held


@pytest.mark.parametrize(("vendor", "intel"), [("GenuineIntel", True), ("AuthenticAMD", False)])
def test_the_processor_is_told_by_its_maker(tmp_path: Path, vendor: str, intel: bool) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nvendor_id\t: {vendor}\n")
    assert is_intel(tmp_path / "cpuinfo") is intel
    assert not is_intel(tmp_path / "nothing")


@settings(max_examples=60, deadline=None)
@given(
    rows=SIZES, inner=st.integers(1, 40), columns=st.integers(1, 40), seed=st.integers(0, 99), layout=st.integers(0, 5)
)
def test_a_product_is_the_matrix_product(rows: int, inner: int, columns: int, seed: int, layout: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    a, b = (torch.randn(size, inner, generator=generator) for size in (rows, columns))
    if layout % 2:
        a = torch.randn(inner, rows, generator=generator).t()
    if layout // 2 == 1:
        b = torch.randn(inner, columns, generator=generator).t()
    if layout // 2 == 2:
        b = torch.randn(columns, 3 * inner, generator=generator)[:, inner : 2 * inner]
    bias = torch.randn(columns, generator=generator)
    expected = a.double() @ b.double().t()
    torch.testing.assert_close(product(a, b).double(), expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(product(a, b, bias).double(), expected + bias, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("shape", [(7,), (5, 7), (2, 3, 7), (0, 7), (2, 0, 7)])
@pytest.mark.parametrize("width", [3, 30])
def test_linear_has_the_gradients_of_torch(shape: tuple[int, ...], width: int) -> None:
    torch.manual_seed(0)
    inputs = torch.randn(shape).requires_grad_()
    weight, bias = torch.randn(width, 7).requires_grad_(), torch.randn(width).requires_grad_()
    found, expected = linear(inputs, weight, bias), functional.linear(inputs, weight, bias)
    torch.testing.assert_close(found, expected)
    for grad in (torch.randn_like(expected), torch.ones(()).expand_as(expected)):
        ours = torch.autograd.grad(found, (inputs, weight, bias), grad, retain_graph=True)
        theirs = torch.autograd.grad(expected, (inputs, weight, bias), grad, retain_graph=True)
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_the_layer_is_interchangeable_with_torchs() -> None:
    torch.manual_seed(1)
    theirs, ours = torch.nn.Linear(6, 4), Linear(6, 4)
    ours.load_state_dict(theirs.state_dict())
    inputs = torch.randn(3, 6)
    torch.testing.assert_close(ours(inputs), theirs(inputs))
    torch.testing.assert_close(ours.double()(inputs.double()), theirs.double()(inputs.double()))
    with torch.autocast("cpu", torch.bfloat16):
        assert ours.float()(inputs).dtype == torch.bfloat16
