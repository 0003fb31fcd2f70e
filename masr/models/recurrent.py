"""LSTM or GRU layers with residual connections (APC, 1904.03240), forwards, backwards or both.

The backward direction turns each utterance round within its own length, so padding never comes before it.

Shapes: B utterances, T encoded frames, D model width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from masr.config import option
from masr.models.frontend import (
    KIND_DOC,
    SUBSAMPLING_DOC,
    WAVEFORM_NORM_DOC,
    Kind,
    Subsampling,
    WaveformNorm,
    build_front_end,
    check_front_end,
    embedded,
)
from masr.models.limits import check_numbers
from masr.models.padding_mask import zero_past_end
from masr.models.two_sided import TwoSided
from masr.types import Encoded


@dataclass(frozen=True)
class Config:
    """APC's network: three layers, 512 wide, each added to its input."""

    num_bins: int = option(80, "width of a feature frame; of no effect on waveforms")
    dim: int = option(512, "width of a layer's output; with context both or apart, half of it for each direction")
    num_layers: int = option(3, "recurrent layers")
    cell: Literal["gru", "lstm"] = option("gru", "what a layer is made of")
    context: Literal["past", "future", "both", "apart"] = option(
        "past", "the side that a frame sees, itself with it; apart: one network for each side, which never meet"
    )
    residual: bool = option(True, "add a layer's input to its output")
    front_end: Kind = option("linear", KIND_DOC)
    subsampling: Subsampling = option(1, SUBSAMPLING_DOC)
    waveform_norm: WaveformNorm = option("layer", WAVEFORM_NORM_DOC)
    dropout: float = option(0.0, "on every layer's output but the last")

    def __post_init__(self) -> None:
        check_numbers(self)
        check_front_end(self.front_end, self.subsampling)
        if self.context in ("both", "apart") and self.dim % 2:
            raise ValueError(
                f"dim must be even where the context is {self.context}: half of it belongs to each direction"
            )


def build(config: Config) -> Recurrent | TwoSided:
    """The encoder with fresh weights."""
    return TwoSided(config, build) if config.context == "apart" else Recurrent(config)


class Layer(nn.Module):
    """One direction, or both side by side."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        cell = nn.GRU if config.cell == "gru" else nn.LSTM
        width = config.dim // 2 if config.context == "both" else config.dim
        self.residual = config.residual
        self.forwards = None if config.context == "future" else cell(config.dim, width, batch_first=True)
        self.backwards = None if config.context == "past" else cell(config.dim, width, batch_first=True)

    def forward(self, frames: Tensor, turned: Tensor) -> Tensor:
        """(B, T, D), (B, T) places of the turned order -> (B, T, D)."""
        outputs = []
        if self.forwards is not None:
            outputs.append(self.forwards(frames)[0])
        if self.backwards is not None:
            outputs.append(in_order(self.backwards(in_order(frames, turned))[0], turned))
        output = torch.cat(outputs, dim=2)
        return output + frames if self.residual else output


class Recurrent(nn.Module):
    """Front end -> recurrent layers."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.dim = config.dim
        self.num_layers = config.num_layers
        self.num_bins = 1 if config.front_end == "waveform" else config.num_bins
        self.subsampling: int = config.subsampling
        self.front_end = build_front_end(
            config.front_end, config.num_bins, config.dim, config.subsampling, config.waveform_norm
        )
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.num_layers))
        self.dropout = nn.Dropout(config.dropout)

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """Encoded frames of so many feature frames or samples: a function of the utterance alone."""
        return self.front_end.num_encoded(num_frames)

    def embed(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, F) or (B, S), (B,) -> (B, T, D), (B,): the sequence that masking acts on."""
        return embedded(self.front_end, features, num_frames)

    def contextualise(self, embedded: Tensor, lengths: Tensor, with_layers: bool = False) -> Encoded:
        """(B, T, D), (B,) -> the context of every frame; with every layer's output where asked for."""
        frames = embedded
        turned = turned_places(lengths, frames.shape[1])
        layers = [frames] if with_layers else []
        for index, layer in enumerate(self.layers):
            frames = layer(self.dropout(frames) if index else frames, turned)
            if with_layers:
                layers.append(frames)
        return Encoded(zero_past_end(frames, lengths), lengths, tuple(layers))

    def forward(self, features: Tensor, num_frames: Tensor, with_layers: bool = False) -> Encoded:
        """(B, S, F), (B,) -> (B, T, D)."""
        return self.contextualise(*self.embed(features, num_frames), with_layers=with_layers)


def turned_places(lengths: Tensor, time: int) -> Tensor:
    """(B,) -> (B, T): valid places last to first, then padding as it stands; its own inverse."""
    places = torch.arange(time, device=lengths.device).expand(len(lengths), -1)
    return torch.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)


def in_order(frames: Tensor, places: Tensor) -> Tensor:
    """(B, T, D), (B, T) -> (B, T, D) with frame places[t] at t."""
    return frames.gather(1, places[:, :, None].expand_as(frames))
