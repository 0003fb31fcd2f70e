"""Rows from all ranks, with the gradient sent home: a triplet may have its negative on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, distributed


def num_ranks() -> int:
    """How many processes compute together."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def gather(rows: Tensor, sizes: Sequence[int] = ()) -> tuple[Tensor, slice]:
    """(B, ...) on each rank -> (sum of B, ...) in rank order, and where this rank's own rows lie in it.

    Ranks may hold different numbers of rows: `sizes` are those of all ranks, where they are known; else they are asked
    for, and the host waits. The gradient of every rank's loss reaches the rows' owner.
    """
    if num_ranks() == 1:
        return rows, slice(0, len(rows))
    rank, sizes = distributed.get_rank(), list(sizes) or _asked(rows)
    if len(sizes) != num_ranks() or sizes[rank] != len(rows):
        raise ValueError(f"rank {rank} has {len(rows)} rows, and of {num_ranks()} ranks these are said: {sizes}")
    start = sum(sizes[:rank])
    gathered: Tensor = _Gather.apply(rows, sizes)  # type: ignore[no-untyped-call]
    return gathered, slice(start, start + len(rows))


def gather_columns(columns: Sequence[Tensor], sizes: Sequence[int] = ()) -> tuple[list[Tensor], slice]:
    """(B, ...) each -> the same of all ranks, by one collective: all become of the widest type on the way."""
    if num_ranks() == 1:
        return list(columns), slice(0, len(columns[0]))
    flat = [column.flatten(1) if column.dim() > 1 else column[:, None] for column in columns]
    kind = flat[0].dtype
    for column in flat[1:]:
        kind = torch.promote_types(kind, column.dtype)
    together, own = gather(torch.cat([column.to(kind) for column in flat], dim=1), sizes)
    pieces = torch.split(together, [column.shape[1] for column in flat], dim=1)
    shaped = zip(pieces, columns, strict=True)
    return [piece.reshape(-1, *column.shape[1:]).to(column.dtype) for piece, column in shaped], own


def sum_of_ranks(values: Tensor) -> Tensor:
    """The sum over all ranks, on every rank; so is the gradient of their losses."""
    if num_ranks() == 1:
        return values
    total: Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return total


def _asked(rows: Tensor) -> list[int]:
    counts = [torch.zeros(1, dtype=torch.int64, device=rows.device) for _ in range(num_ranks())]
    distributed.all_gather(counts, torch.full((1,), len(rows), device=rows.device))
    found: list[int] = torch.cat(counts).tolist()
    return found


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
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        rank = distributed.get_rank()
        start = sum(ctx.sizes[:rank])
        return total[start : start + ctx.sizes[rank]], None


class _Sum(torch.autograd.Function):
    """all_reduce both ways."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:  # noqa: ARG004 (torch's signature)
        total = values.detach().clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004 (torch's signature)
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total
