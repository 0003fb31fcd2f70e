"""Residual blocks of dilated convolutions over time, seeing both sides or one: CPC's CNN (1807.03748).

Shapes: B utterances, T encoded frames, D model width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional

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
    """By the defaults a frame sees itself and 62 frames before; no paper describes its CNN, so the size is ours."""

    num_bins: int = option(80, "width of a feature frame; of no effect on waveforms")
    dim: int = option(512, "model width")
    num_layers: int = option(5, "blocks")
    kernel: int = option(3, "frames that one convolution sees")
    dilation_growth: int = option(2, "factor from one block's dilation to the next's; 1 for none")
    context: Literal["past", "future", "both", "apart"] = option(
        "past", "the side that a frame sees, itself with it; apart: one network for each side, half as wide"
    )
    front_end: Kind = option("linear", KIND_DOC)
    subsampling: Subsampling = option(1, SUBSAMPLING_DOC)
    waveform_norm: WaveformNorm = option("layer", WAVEFORM_NORM_DOC)
    dropout: float = option(0.0, "on every block's output")

    def __post_init__(self) -> None:
        check_numbers(self)
        check_front_end(self.front_end, self.subsampling)
        if self.context == "both" and self.kernel % 2 == 0:
            raise ValueError("kernel must be odd where the context is both, so that a frame stands in its middle")
        if self.context == "apart" and self.dim % 2:
            raise ValueError("dim must be even where the context is apart: half of it belongs to each direction")


def build(config: Config) -> Convolutional | TwoSided:
    """The encoder with fresh weights."""
    return TwoSided(config, build) if config.context == "apart" else Convolutional(config)


class Block(nn.Module):
    """Norm, convolution over time, GELU, added to the input; padding is zero before the convolution sees it."""

    def __init__(self, config: Config, dilation: int) -> None:
        super().__init__()
        reach = (config.kernel - 1) * dilation
        before = {"past": reach, "both": reach // 2, "future": 0}[config.context]
        self.around = (before, reach - before)
        self.norm = nn.LayerNorm(config.dim)
        self.conv = nn.Conv1d(config.dim, config.dim, config.kernel, dilation=dilation)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D), (B,) -> (B, T, D)."""
        given = zero_past_end(self.norm(frames), lengths).transpose(1, 2)
        mixed = self.conv(functional.pad(given, self.around)).transpose(1, 2)
        out: Tensor = frames + self.dropout(functional.gelu(mixed))
        return out


class Convolutional(nn.Module):
    """Front end -> blocks whose sight widens from one to the next."""

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
        self.blocks = nn.ModuleList(Block(config, config.dilation_growth**i) for i in range(config.num_layers))
        self.norm = nn.LayerNorm(config.dim)

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """Encoded frames of so many feature frames or samples: a function of the utterance alone."""
        return self.front_end.num_encoded(num_frames)

    def embed(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, F) or (B, S), (B,) -> (B, T, D), (B,): the sequence that masking acts on."""
        return embedded(self.front_end, features, num_frames)

    def contextualise(self, embedded: Tensor, lengths: Tensor, with_layers: bool = False) -> Encoded:
        """(B, T, D), (B,) -> the context of every frame; with every layer's output where asked for."""
        frames = embedded
        layers = [frames] if with_layers else []
        for block in self.blocks:
            frames = block(frames, lengths)
            if with_layers:
                layers.append(frames)
        return Encoded(zero_past_end(self.norm(frames), lengths), lengths, tuple(layers))

    def forward(self, features: Tensor, num_frames: Tensor, with_layers: bool = False) -> Encoded:
        """(B, S, F), (B,) -> (B, T, D)."""
        return self.contextualise(*self.embed(features, num_frames), with_layers=with_layers)
