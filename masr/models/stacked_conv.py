"""Two 3 x 3 convolutions over time and frequency on a CPU, a block of frames at a time, by matrix products.

The maps between the two, 160 MB for 80 s of speech at 256 channels, are never whole: the backward pass makes each
block's again, which is a hundredth of the work.

Shapes: B utterances, S feature frames, F features, C channels; T x E the second map, t rows of a block of it, P x Q the
first map, p rows of a block of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from masr.maths.products import product

_BLOCK_ELEMENTS = 1 << 19
"""Elements of a block of the second convolution's input, each laid out nine times: 2^18 to 2^22 were fastest."""


def two_convolutions(
    features: Tensor,
    first: tuple[Tensor, Tensor],
    second: tuple[Tensor, Tensor],
    strides: tuple[int, int],
    lengths: Tensor | None = None,
) -> Tensor:
    """(B, S, F), weight and bias of each as Conv2d has them, strides in time (2 in frequency) -> (B, T, E, C).

    Each convolution is followed by max(0, x). What lies past an utterance's (B,) length, in rows of T, is zero.
    """
    maps: Tensor = _TwoConvolutions.apply(features, *first, *second, strides, lengths)  # type: ignore[no-untyped-call]
    return maps


def num_out(size: int, stride: int) -> int:
    """How many places a window of 3 has in `size`, at that stride."""
    return (size - 3) // stride + 1


def every(start: int, count: int, stride: int) -> slice:
    """`count` places from `start` on, `stride` apart."""
    return slice(start, start + (count - 1) * stride + 1, stride)


def windows(maps: Tensor, strides: tuple[int, int]) -> Tensor:
    """(P, Q, C) -> (T * E, 9 * C): what each 3 x 3 window sees."""
    rows, columns = (num_out(size, stride) for size, stride in zip(maps.shape, strides, strict=False))
    seen = maps.new_empty(rows, columns, 9, maps.shape[2])
    for place in range(9):
        at = every(place // 3, rows, strides[0]), every(place % 3, columns, strides[1])
        seen[:, :, place] = maps[at]
    return seen.view(rows * columns, -1)


def add_windows(seen: Tensor, maps: Tensor, strides: tuple[int, int]) -> None:
    """The transpose of `windows`: adds (T * E, 9 * C) to (P, Q, C)."""
    rows, columns = (num_out(size, stride) for size, stride in zip(maps.shape, strides, strict=False))
    parts = seen.view(rows, columns, 9, maps.shape[2])
    for place in range(9):
        maps[every(place // 3, rows, strides[0]), every(place % 3, columns, strides[1])] += parts[:, :, place]


class _Geometry:
    """Which rows of the input and of the maps belong together."""

    def __init__(self, features: Tensor, channels: int, strides: tuple[int, int], lengths: Tensor | None) -> None:
        self.first, self.second = (strides[0], 2), (strides[1], 2)
        self.columns = num_out(features.shape[2], 2)
        self.bins = num_out(self.columns, 2)
        self.time = num_out(num_out(features.shape[1], strides[0]), strides[1])
        whole = [self.time] * len(features)
        self.ends = whole if lengths is None else lengths.clamp(max=self.time).tolist()
        self.rows = max(1, _BLOCK_ELEMENTS // (self.bins * 9 * channels))

    def blocks(self) -> Iterator[tuple[int, slice, slice]]:
        """Utterance, rows of the second map, and the rows of features that they see."""
        for utt, last in enumerate(self.ends):
            for top in range(0, last, self.rows):
                end = min(top + self.rows, last)
                reach = ((end - top - 1) * self.second[0] + 2) * self.first[0] + 3
                begin = top * self.second[0] * self.first[0]
                yield utt, slice(top, end), slice(begin, begin + reach)


def _matrix(weight: Tensor) -> Tensor:
    """(C, I, 3, 3) -> (C, 9 * I), as `windows` lays out."""
    return weight.permute(0, 2, 3, 1).reshape(len(weight), -1)


class _TwoConvolutions(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        features: Tensor,
        first: Tensor,
        first_bias: Tensor,
        second: Tensor,
        second_bias: Tensor,
        strides: tuple[int, int],
        lengths: Tensor | None,
    ) -> Tensor:
        shape = _Geometry(features, len(second), strides, lengths)
        inner, outer = _matrix(first), _matrix(second)
        maps = features.new_empty(len(features), shape.time, shape.bins, len(second))
        for utt, last in enumerate(shape.ends):
            maps[utt, last:] = 0
        for utt, rows, frames in shape.blocks():
            seen = windows(features[utt, frames, :, None], shape.first)
            hidden = product(seen, inner, first_bias).clamp_(min=0).view(-1, shape.columns, len(first))
            out = product(windows(hidden, shape.second), outer, second_bias)
            maps[utt, rows] = out.clamp_(min=0).view(-1, shape.bins, len(second))
        ctx.save_for_backward(features, first, first_bias, second, maps)
        ctx.strides, ctx.lengths = strides, lengths
        return maps

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        features, first, first_bias, second, maps = ctx.saved_tensors
        shape = _Geometry(features, len(second), ctx.strides, ctx.lengths)
        inner, outer = _matrix(first), _matrix(second)
        wide = torch.promote_types(maps.dtype, torch.float32)  # sums over blocks
        of_inner, of_outer = inner.new_zeros(inner.shape, dtype=wide), outer.new_zeros(outer.shape, dtype=wide)
        of_first_bias, of_second_bias = of_inner.new_zeros(len(first)), of_outer.new_zeros(len(second))
        of_features = torch.zeros_like(features) if ctx.needs_input_grad[0] else None
        for utt, rows, frames in shape.blocks():
            seen = windows(features[utt, frames, :, None], shape.first)
            hidden = product(seen, inner, first_bias).clamp_(min=0)
            given = (grad[utt, rows] * (maps[utt, rows] > 0)).view(-1, len(second))
            of_outer += product(given.t(), windows(hidden.view(-1, shape.columns, len(first)), shape.second).t())
            of_second_bias += given.sum(dim=0)
            change = hidden.new_zeros(len(hidden) // shape.columns, shape.columns, len(first))
            add_windows(product(given, outer.t()), change, shape.second)
            change = change.view_as(hidden) * (hidden > 0)
            of_inner += product(change.t(), seen.t())
            of_first_bias += change.sum(dim=0)
            if of_features is not None:
                add_windows(product(change, inner.t()), of_features[utt, frames, :, None], shape.first)
        # Laid out as the weights are, even along dimensions of one: ranks that average gradients would copy them again.
        of_weights = [
            torch.empty_like(weight).copy_(of.view(len(weight), 3, 3, -1).permute(0, 3, 1, 2))
            for of, weight in ((of_inner, first), (of_outer, second))
        ]
        of_biases = [of.to(maps.dtype) for of in (of_first_bias, of_second_bias)]
        return of_features, of_weights[0], of_biases[0], of_weights[1], of_biases[1], None, None
