"""Rows from all ranks, with the gradient sent home: a triplet may have its negative on another machine."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed


def gather(rows: Tensor) -> tuple[Tensor, slice]:
    """(B, ...) on each rank -> (sum of B, ...) in rank order, and where this rank's own rows lie in it.

    Ranks may hold different numbers of rows. The gradient of every rank's loss reaches the rows' owner.
    """
    if not (distributed.is_available() and distributed.is_initialized()) or distributed.get_world_size() == 1:
        return rows, slice(0, len(rows))
    counts = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(distributed.get_world_size())]
    distributed.all_gather(counts, torch.tensor([len(rows)], device=rows.device))
    sizes = [int(count) for count in counts]
    start = sum(sizes[: distributed.get_rank()])
    gathered: Tensor = _Gather.apply(rows, sizes)  # type: ignore[no-untyped-call]
    return gathered, slice(start, start + len(rows))


class _Gather(torch.autograd.Function):
    """all_gather of unequal pieces, padded to the largest; backward sums the gradients of all ranks."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, sizes: list[int]) -> Tensor:
        ctx.sizes = sizes
        padded = rows.new_zeros(max(sizes), *rows.shape[1:])
        padded[: len(rows)] = rows.detach()
        pieces = [torch.empty_like(padded) for _ in sizes]
        distributed.all_gather(pieces, padded)
        return torch.cat([piece[:size] for piece, size in zip(pieces, sizes, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        total = gradients[0].contiguous()
        distributed.all_reduce(total)
        rank = distributed.get_rank()
        start = sum(ctx.sizes[:rank])
        return total[start : start + ctx.sizes[rank]], None
