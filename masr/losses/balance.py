"""Whose gradient moves the encoder: that of each stream is measured at the encoder's output beside the objective's, and
capped at a share of it.

There is one backward pass. A stream reads the frames through a tap, which holds back what flows through it; when all
that the objective sends has arrived at the frames, what was held back is scaled and added.

Shapes: B utterances, T frames, D width, S streams.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, distributed


def taps(frames: Tensor, shares: Sequence[float], norms: Tensor) -> list[Tensor]:
    """(B, T, D) with gradient -> the same for each stream; `shares` are their caps, 0 for none.

    The backward pass writes into `norms`, (1 + S,), the lengths of the objective's and of each stream's gradient
    before it is capped, over all ranks.
    """
    if not frames.requires_grad:
        return [frames] * len(shares)
    held: list[Tensor | None] = [None] * len(shares)
    size = distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1

    def join(objective: Tensor) -> Tensor:
        squares = torch.stack([_square(objective)] + [norms.new_zeros(()) if g is None else _square(g) for g in held])
        if size > 1:
            distributed.all_reduce(squares)
        lengths = squares.sqrt()
        norms.copy_(lengths / size)
        total = objective
        for gradient, share, length in zip(held, shares, lengths[1:], strict=True):
            if gradient is not None:
                limit = share * lengths[0] / length.clamp(min=torch.finfo(length.dtype).tiny)
                total = total + (gradient * limit.clamp(max=1.0).to(gradient.dtype) if share else gradient)
        held[:] = [None] * len(held)  # a second backward pass over the same graph begins anew
        return total

    frames.register_hook(join)  # type: ignore[no-untyped-call]
    return [_Tap.apply(frames, held, place) for place in range(len(shares))]  # type: ignore[no-untyped-call]


class _Tap(torch.autograd.Function):
    """The frames as they are; what flows back is put into `held` and not passed on."""

    @staticmethod
    def forward(ctx: Any, frames: Tensor, held: list[Tensor | None], place: int) -> Tensor:
        ctx.held, ctx.place = held, place
        return frames.view_as(frames)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        ctx.held[ctx.place] = gradients[0]
        nothing = gradients[0].new_zeros(()).expand_as(gradients[0])
        return nothing, None, None


def _square(gradient: Tensor) -> Tensor:
    length: Tensor = torch.linalg.vector_norm(gradient, dtype=torch.float32)
    return length.square()
