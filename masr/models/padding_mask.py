"""Padding that never reaches a result: zeros past an utterance's end, in our own layers and in other people's.

Shapes: B utterances, C channels, T frames, D width of a frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.maths.on_host import from_host, longest, on_host, places, sent


def padding_of(lengths: Tensor, time: int) -> Tensor | None:
    """(B,) -> (B, T) true where padded; None where no utterance is padded, which spares every mask."""
    # A graph that is exported is for every batch.
    if not torch.compiler.is_exporting() and int(on_host(lengths).min()) >= time:
        return None
    return from_host(lambda known: torch.arange(time, device=known.device) >= known[:, None], lengths)


def at_least_one(lengths: Tensor) -> Tensor:
    """(B,) -> (B,) the same, where an utterance without a frame counts as one of a single frame."""
    return from_host(lambda known: known.clamp(min=1), lengths)


def cut_to_longest(frames: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, D), (B,) -> as many frames as the longest utterance has; a graph that is exported cuts nothing."""
    if torch.compiler.is_exporting():
        return frames
    return frames[:, : longest(lengths)]


def zero_past_end(frames: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, D), (B,) -> the same with zeros past each utterance's end."""
    padding = torch.arange(frames.shape[1], device=frames.device) >= lengths[:, None]
    return frames.masked_fill(padding[:, :, None], 0.0)


class PaddingMask:
    """The padding of the batch that is running, made known inside other people's modules.

    Their convolutions then see zeros in its place, and their batch norms leave it out. It holds for one forward pass
    at a time: a module it acts in must not be recomputed in a backward pass.
    """

    def __init__(self, *modules: nn.Module) -> None:
        self.padding: Tensor | None = None
        for parent in modules:
            for module in parent.modules():
                if isinstance(module, nn.Conv1d) and module.kernel_size != (1,):
                    module.register_forward_pre_hook(self.before_convolution)
                if type(module) is nn.BatchNorm1d:
                    module.__class__ = BatchNormOfFrames
                    module.padding_mask = self  # type: ignore[assignment]

    @contextmanager
    def over(self, padding: Tensor | None) -> Iterator[None]:
        """(B, T) true where padded, for the modules that run inside; None for a batch without padding."""
        self.padding = padding
        try:
            yield
        finally:
            self.padding = None

    def before_convolution(self, _module: nn.Module, given: tuple[Any, ...]) -> tuple[Any, ...] | None:
        """Its input (B, C, T) with zeros past an utterance's end, as the convolution pads an utterance alone."""
        if self.padding is None:
            return None
        return (given[0].masked_fill(self.padding[:, None], 0.0), *given[1:])


class BatchNormOfFrames(nn.BatchNorm1d):
    """Batch norm over (B, C, T) whose statistics leave padded frames out."""

    of_a_micro_batch = "statistics of batch norm"
    padding_mask: PaddingMask

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, T) -> (B, C, T)."""
        if not self.training:
            return super().forward(maps)
        frames = maps.transpose(1, 2)
        padding = self.padding_mask.padding
        if padding is None:
            padding = sent(torch.zeros(frames.shape[:2], dtype=torch.bool), frames.device)
        kept, flat = places(padding, of=False), frames.flatten(0, 1)
        valid = flat.index_select(0, kept)
        if len(valid) < 2:  # a single frame has no variance: it is normed by the running one
            running = (self.running_mean, self.running_var, self.weight, self.bias)
            return functional.batch_norm(maps, *running, eps=self.eps)
        return flat.index_copy(0, kept, super().forward(valid)).view_as(frames).transpose(1, 2)
