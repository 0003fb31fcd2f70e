"""Matrix products on a CPU by the library that is fastest on its make.

PyTorch hands float32 products to MKL, which uses all of AVX-512 on Intel's cores and keeps to AVX2 on others: half the
speed. There oneDNN's kernels take its place. They are compiled anew for every shape that has not been met lately, and
batches of speech seldom have one twice, so on Intel's cores they cost more than they give. Where PyTorch was built
without oneDNN, on other devices and in other types, all of this is PyTorch's own arithmetic.

Shapes: M rows, K width of the input, N width of the output.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional


def is_intel(description: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the machine's processor is one on which MKL uses all it has; False where nothing says so."""
    try:
        return "GenuineIntel" in description.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


_ONEDNN = None if is_intel() else getattr(torch.ops.mkldnn, "_linear_pointwise", None)


def product(a: Tensor, b: Tensor, bias: Tensor | None = None) -> Tensor:
    """(M, K), (N, K), (N,) -> a @ b^T + bias, (M, N), without a gradient."""
    if _ONEDNN is None or a.dtype != torch.float32 or not a.is_cpu or not a.numel() or not b.numel():
        return functional.linear(a, b, bias)
    if not b.is_contiguous() and not b.t().is_contiguous():
        b = b.contiguous()  # oneDNN multiplies a strided second operand without vectors
    out: Tensor = _ONEDNN(a, b, bias, "none", [], "")
    return out


class Linear(nn.Linear):
    """nn.Linear, with the same parameters and the same result up to rounding."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(..., K) -> (..., N)."""
        return linear(inputs, self.weight, self.bias)


def linear(inputs: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """(..., K), (N, K), (N,) -> (..., N)."""
    other_type = inputs.dtype != torch.float32 or torch.is_autocast_enabled(inputs.device.type)
    if _ONEDNN is None or not inputs.is_cpu or other_type or torch.compiler.is_compiling():
        return functional.linear(inputs, weight, bias)
    rows: Tensor = _Linear.apply(inputs.reshape(-1, inputs.shape[-1]), weight, bias)  # type: ignore[no-untyped-call]
    return rows.view(*inputs.shape[:-1], len(weight))


class _Linear(torch.autograd.Function):
    """The three products of a linear layer."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(rows, weight)
        return product(rows, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        rows, weight = ctx.saved_tensors
        to_rows, to_weight, to_bias = ctx.needs_input_grad
        of_rows = of_weight = None
        if to_rows:
            of_rows = product(grad, weight.t())
        if to_weight and weight.shape[0] <= weight.shape[1]:  # the first operand is copied: let it be the smaller one
            of_weight = product(grad.t(), rows.t())
        elif to_weight:
            of_weight = product(rows.t(), grad.t()).t()
        return of_rows, of_weight, grad.sum(dim=0) if to_bias else None
