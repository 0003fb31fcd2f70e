"""Two networks that never meet, one that sees the past and one that sees the future: forward + backward APC.

A network of both directions shows them to each other from the second layer on, and with them what is to be predicted.
Here the first half of a frame's values knows nothing after the frame, the second half nothing before it.

Shapes: B utterances, S feature frames, F features, T encoded frames, D model width, both halves together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from masr.types import Encoded


class TwoSided(nn.Module):
    """The same network twice, each half as wide; `build` makes one from its configuration."""

    def __init__(self, config: Any, build: Callable[[Any], Any]) -> None:
        super().__init__()
        self.config = config
        self.past = build(replace(config, context="past", dim=config.dim // 2))
        self.future = build(replace(config, context="future", dim=config.dim // 2))
        self.dim: int = config.dim
        self.num_layers: int = config.num_layers
        self.num_bins: int = self.past.num_bins
        self.subsampling: int = config.subsampling

    @property
    def sides(self) -> tuple[nn.Module, nn.Module]:
        """The two networks, each a stack of blocks of its own."""
        return self.past, self.future

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """Encoded frames of so many feature frames or samples: a function of the utterance alone."""
        counts: Tensor = self.past.num_encoded(num_frames)
        return counts

    def embed(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, F) or (B, S), (B,) -> (B, T, D), (B,): the sequences that masking acts on, side by side."""
        before, lengths = self.past.embed(features, num_frames)
        after, _ = self.future.embed(features, num_frames)
        return torch.cat([before, after], dim=2), lengths

    def contextualise(self, embedded: Tensor, lengths: Tensor, with_layers: bool = False) -> Encoded:
        """(B, T, D), (B,) -> each half in its own context; with every layer's output where asked for."""
        before, after = embedded.chunk(2, dim=2)
        one = self.past.contextualise(before, lengths, with_layers=with_layers)
        other = self.future.contextualise(after, lengths, with_layers=with_layers)
        layers = zip(one.layers, other.layers, strict=True)
        return Encoded(
            torch.cat([one.frames, other.frames], dim=2), lengths, tuple(torch.cat(p, dim=2) for p in layers)
        )

    def forward(self, features: Tensor, num_frames: Tensor, with_layers: bool = False) -> Encoded:
        """(B, S, F), (B,) -> (B, T, D)."""
        return self.contextualise(*self.embed(features, num_frames), with_layers=with_layers)
