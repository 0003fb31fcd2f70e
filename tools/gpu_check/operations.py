"""How many operations a training step asks for: counted by PyTorch on tensors without memory, not by a rule of thumb.

A weight that is used for several bins of one frame, as those of the convolutions before the blocks are, counts each
time. Two operations to a multiplication and addition; forward and backward. The first convolution, which is small, is
counted as the CPU computes it: once more, for the backward pass.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode, conv_flop_count

from masr.config import Named
from masr.maths import products
from masr.plugins import build

Shape = list[int]


def operations(encoder: Named, num_frames: int) -> dict[str, float]:
    """{"front end": ..., "blocks": ...} of one utterance of so many feature frames, forward and backward.

    One block is counted, as all are alike.
    """
    one_block = replace(encoder, config=replace(encoder.config, num_layers=1))
    with FakeTensorMode(), _countable():
        model = build("models", one_block).train()
        features = torch.zeros(1, num_frames, model.num_bins)
        with _counter() as counter:
            frames = model.frontend(features)
            frames.sum().backward(retain_graph=True)
        before = counter.get_total_flops()
        given = torch.zeros_like(frames, requires_grad=True)
        with _counter() as counter:
            model.blocks[0](given, None, model.positions(given.shape[1], given)).sum().backward()
        return {"front end": float(before), "blocks": float(counter.get_total_flops()) * encoder.config.num_layers}


def _of_convolution_backward(out: Shape, given: Shape, weight: Shape, *rest: Any, **_: Any) -> int:
    """As much as the forward pass for each gradient asked for; PyTorch's own count forgets groups for the weights'."""
    transposed, wanted = rest[4], rest[7]
    return int(conv_flop_count(given, weight, out, transposed)) * (bool(wanted[0]) + bool(wanted[1]))


def _counter() -> FlopCounterMode:
    return FlopCounterMode(
        display=False, custom_mapping={torch.ops.aten.convolution_backward: _of_convolution_backward}
    )


@contextlib.contextmanager
def _countable() -> Iterator[None]:
    """Products by functions that the counter knows: none of oneDNN's own, and attention as two products."""
    kept = products._ONEDNN
    products._ONEDNN = None
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        products._ONEDNN = kept


def operations_of(encoder: Named, lengths: Sequence[int]) -> float:
    """Of utterances of these feature frames, forward and backward, by the parabola through three lengths.

    Attention asks for operations that rise with the square of the length, everything else with the length.
    """
    longest = max(lengths)
    places = [max(60, round(longest * share)) for share in (0.25, 0.5, 1)]
    counted = [sum(operations(encoder, place).values()) for place in places]
    return float(np.polyval(np.polyfit(places, counted, 2), np.asarray(lengths, float)).sum())
