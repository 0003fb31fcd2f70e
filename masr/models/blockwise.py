"""Attention on a CPU in blocks of queries of one head, so that what has T x T elements stays in a core's cache.

PyTorch's fused kernel for CPUs takes no scores of relative positions that need a gradient, and computes its products
with MKL. Attention weights are kept for the backward pass; nothing else of that size is.

Shapes: B utterances, T frames, H heads, K width of a head, R queries of a block, G utterances of a group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from masr.maths.products import product

_BLOCK_ELEMENTS = 1 << 18
"""Attention scores that a block holds."""
_LONG = 128
"""Frames above which each utterance is a group of its own: its products are then large enough to be made one by one."""


def attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding: Tensor | None = None,
    dropout: float = 0.0,
    position_query: Tensor | None = None,
    relative: Tensor | None = None,
) -> Tensor:
    """(B, H, T, K) scaled queries, keys, values, (B, T) true where padded -> (B, T, H * K).

    With (B, H, T, K) scaled queries for positions and (H, 2T - 1, K) relative positions from T-1 down to -(T-1), the
    score of query i and key j is query_i . key_j + position_query_i . relative_(i - j).
    """
    mixed: Tensor = _Attention.apply(  # type: ignore[no-untyped-call]
        query, key, value, position_query, relative, padding, dropout
    )
    return mixed.flatten(2)


def shift(scores: Tensor) -> Tensor:
    """(..., R, R + T - 1) by relative position, T-1 of the last query first -> a view (..., R, T) by query and key."""
    scores = scores.contiguous()
    rows, positions = scores.shape[-2:]
    if rows == 1:
        return scores
    # One row is a place ahead of the next: in rows that are a place shorter they stand under one another.
    first = rows - 1
    slanted = scores.flatten(-2)[..., first : first + rows * (positions - 1)]
    return slanted.view(*scores.shape[:-1], positions - 1)[..., : positions - rows + 1]


def blocks(batch: int, heads: int, time: int) -> Iterator[tuple[int, slice, slice]]:
    """The blocks: each a head, a slice of utterances and a slice of queries."""
    together = 1 if time >= _LONG else max(1, _BLOCK_ELEMENTS // time**2)
    rows = min(time, max(16, _BLOCK_ELEMENTS // time))
    for head in range(heads):
        for first in range(0, batch, together):
            for top in range(0, time, rows):
                yield head, slice(first, min(first + together, batch)), slice(top, min(top + rows, time))


def products(a: Tensor, b: Tensor) -> Tensor:
    """(G, M, K), (G, N, K) -> (G, M, N) their products."""
    return product(a[0], b[0])[None] if len(a) == 1 else torch.bmm(a, b.transpose(1, 2))


def _positions(relative: Tensor, head: int, rows: slice) -> Tensor:
    """(R + T - 1, K) the relative positions that lie between the queries of a block and all keys."""
    time = (relative.shape[1] + 1) // 2
    return relative[head, time - rows.stop : 2 * time - 1 - rows.start]


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        position_query: Tensor | None,
        relative: Tensor | None,
        padding: Tensor | None,
        dropout: float,
    ) -> Tensor:
        query, key, value = query.contiguous(), key.contiguous(), value.contiguous()
        if position_query is not None and relative is not None:
            position_query, relative = position_query.contiguous(), relative.contiguous()
        batch, heads, time, width = query.shape
        wide = torch.promote_types(query.dtype, torch.float32)
        mixed = query.new_empty(batch, time, heads, width)
        keep_weights = any(ctx.needs_input_grad)
        weights = query.new_empty(batch, heads, time, time) if keep_weights else None
        kept = torch.empty(batch, heads, time, time, dtype=torch.bool) if keep_weights and dropout else None
        for head, group, rows in blocks(batch, heads, time):
            scores = products(query[group, head, rows], key[group, head]).to(wide)
            if position_query is not None and relative is not None:
                places = _positions(relative, head, rows)
                asked = position_query[group, head, rows]
                by_position = product(asked.reshape(-1, width), places).view(*asked.shape[:2], len(places))
                scores += shift(by_position)
            if padding is not None:
                scores.masked_fill_(padding[group, None], torch.finfo(wide).min)
            share = scores.softmax(dim=-1).to(query.dtype)
            if weights is not None:
                weights[group, head, rows] = share
            if dropout:
                chosen = torch.empty_like(share, dtype=torch.bool).bernoulli_(1 - dropout)
                share = share * chosen / (1 - dropout)
                if kept is not None:
                    kept[group, head, rows] = chosen
            mixed[group, rows, head] = products(share, value[group, head].transpose(1, 2))
        ctx.save_for_backward(query, key, value, position_query, relative, weights, kept, mixed)
        ctx.dropout = dropout
        return mixed

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, position_query, relative, weights, kept, mixed = ctx.saved_tensors
        batch, heads, time, width = query.shape
        wide = weights.dtype if weights.dtype == torch.float64 else torch.float32
        of_query = torch.empty_like(query)
        of_key, of_value = (query.new_zeros(batch, heads, width, time) for _ in range(2))
        of_asked = of_relative = band = None
        if relative is not None:
            of_asked, of_relative = torch.empty_like(query), query.new_zeros(heads, width, 2 * time - 1)
        for head, group, rows in blocks(batch, heads, time):
            share, given = weights[group, head, rows], grad[group, rows, head].contiguous()
            change = products(given, value[group, head]).to(wide)
            if kept is not None:
                chosen = kept[group, head, rows]
                change *= chosen / (1 - ctx.dropout)
                used = share * chosen / (1 - ctx.dropout)
            else:
                used = share
            change -= (given * mixed[group, rows, head]).sum(dim=-1, keepdim=True, dtype=wide)
            change *= share
            change = change.to(query.dtype)
            of_value[group, head] += products(given.transpose(1, 2), used.transpose(1, 2))
            of_query[group, head, rows] = products(change, key[group, head].transpose(1, 2))
            of_key[group, head] += products(query[group, head, rows].transpose(1, 2), change.transpose(1, 2))
            if of_asked is not None and of_relative is not None:
                places = _positions(relative, head, rows)
                asked = position_query[group, head, rows]
                if band is None or band.shape[:2] != change.shape[:2]:
                    band = change.new_zeros(*change.shape[:2], len(places))
                shift(band).copy_(change)
                flat = band.flatten(0, 1)
                of_asked[group, head, rows] = product(flat, places.t()).view_as(asked)
                apart = slice(time - rows.stop, 2 * time - 1 - rows.start)
                of_relative[head, :, apart] += product(asked.reshape(-1, width).t(), flat.t())
        of_places = None if of_relative is None else of_relative.transpose(1, 2)
        return of_query, of_key.transpose(2, 3), of_value.transpose(2, 3), of_asked, of_places, None, None
