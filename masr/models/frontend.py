"""What stands between the input and an encoder's blocks: stacked frames, convolutions over them, or over samples.

What comes out is the sequence that masking acts on.

Shapes: B utterances, S feature frames or samples, F features, T encoded frames, D model width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.maths.on_host import from_host
from masr.maths.products import Linear, linear
from masr.models.padding_mask import cut_to_longest
from masr.models.stacked_conv import two_convolutions
from masr.models.waveform import KERNELS_AND_STRIDES, WaveformConvolutions

Kind = Literal["linear", "conv", "waveform"]
Subsampling = Literal[1, 2, 4, 160, 320]
WaveformNorm = Literal["group", "layer"]
KIND_DOC = "linear: frames stacked and projected; conv: two convolutions; waveform: convolutions over samples"
SUBSAMPLING_DOC = "feature frames (or samples) to one encoded frame"
WAVEFORM_NORM_DOC = "of the convolutions over samples: layer, or group as wav2vec 2.0 base has it"
_FACTORS = {"linear": (1, 2, 4), "conv": (2, 4), "waveform": tuple(sorted(KERNELS_AND_STRIDES))}
SHORTEST = 7
"""Feature frames that give one encoded frame, at either factor."""


class Stacking(nn.Module):
    """As many frames side by side as become one, then a projection; a rest too short for one is dropped."""

    def __init__(self, num_bins: int, dim: int, factor: int) -> None:
        super().__init__()
        self.factor = factor
        self.out = nn.Linear(num_bins * factor, dim)

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """(B,) -> (B,) whole stacks."""
        return num_frames.div(self.factor, rounding_mode="floor")

    def forward(self, features: Tensor) -> Tensor:
        """(B, S, F) -> (B, T, D)."""
        batch, time, bins = features.shape
        if time < self.factor:
            features, time = functional.pad(features, (0, 0, 0, self.factor - time)), self.factor
        count = time // self.factor
        out: Tensor = self.out(features[:, : count * self.factor].reshape(batch, count, self.factor * bins))
        return out


class ConvSubsampling(nn.Module):
    """Two 3 x 3 convolutions over time and frequency, strides 2 and 2 (or 2 and 1), then a projection.

    No padding: an encoded frame exists only where all its input does, so padded input never reaches a valid frame.
    Weights are those of ESPnet's Conv2dSubsampling, whose channels are as many as the model is wide.
    """

    def __init__(self, num_bins: int, dim: int, factor: int, channels: int | None = None) -> None:
        super().__init__()
        channels = channels or dim
        self.factor = factor
        self.strides = (2, 2) if factor == 4 else (2, 1)
        self.first = nn.Conv2d(1, channels, 3, self.strides[0])
        self.second = nn.Conv2d(channels, channels, 3, (self.strides[1], 2))
        self.out = Linear(channels * (((num_bins - 1) // 2 - 1) // 2), dim)

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """(B,) feature frames -> (B,) encoded frames; 0 for too few."""
        for stride in self.strides:
            num_frames = ((num_frames - 3).div(stride, rounding_mode="floor") + 1).clamp(min=0)
        return num_frames

    def forward(self, features: Tensor, lengths: Tensor | None = None) -> Tensor:
        """(B, S, F) -> (B, T, D); with (B,) encoded lengths, what lies past them need not be computed."""
        if features.shape[1] < SHORTEST:
            features = functional.pad(features, (0, 0, 0, SHORTEST - features.shape[1]))
        if features.is_cpu and not torch.compiler.is_exporting():
            return self.by_blocks(features, lengths)
        maps = functional.relu(self.second(functional.relu(self.first(features[:, None]))))
        batch, channels, time, bins = maps.shape
        out: Tensor = self.out(maps.transpose(1, 2).reshape(batch, time, channels * bins))
        return out

    def by_blocks(self, features: Tensor, lengths: Tensor | None) -> Tensor:
        """What `forward` gives, on a CPU, in less than half the time and with a fraction of the memory."""
        layers: list[Tensor] = [*self.first.parameters(), *self.second.parameters()]
        if torch.is_autocast_enabled("cpu"):
            narrow = torch.get_autocast_dtype("cpu")
            features, *layers = (tensor.to(narrow) for tensor in (features, *layers))
        first, first_bias, second, second_bias = layers
        maps = two_convolutions(features, (first, first_bias), (second, second_bias), self.strides, lengths)
        weight = self.out.weight.view(self.out.out_features, -1, maps.shape[2]).transpose(1, 2)
        return linear(maps.flatten(2), weight.flatten(1), self.out.bias)


FrontEnd = Stacking | ConvSubsampling | WaveformConvolutions


def check_front_end(kind: Kind, subsampling: int) -> None:
    """ValueError where the kind of front end has no such subsampling."""
    if subsampling not in _FACTORS[kind]:
        known = ", ".join(str(factor) for factor in _FACTORS[kind])
        raise ValueError(f"a {kind} front end has subsampling {known}, not {subsampling}")


def build_front_end(kind: Kind, num_bins: int, dim: int, subsampling: int, waveform_norm: WaveformNorm) -> FrontEnd:
    """The front end of that kind with fresh weights."""
    if kind == "waveform":
        return WaveformConvolutions(dim, subsampling, waveform_norm)
    if kind == "conv":
        return ConvSubsampling(num_bins, dim, subsampling)
    return Stacking(num_bins, dim, subsampling)


def embedded(front_end: FrontEnd, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
    """The encoded sequence and its lengths, no longer than its longest utterance."""
    lengths = from_host(front_end.num_encoded, num_frames)
    if isinstance(front_end, WaveformConvolutions):  # its statistics have to know where an utterance ends
        frames: Tensor = front_end(features, num_frames)
    elif isinstance(front_end, ConvSubsampling):
        frames = front_end(features, lengths)
    else:
        frames = front_end(features)
    return cut_to_longest(frames, lengths), lengths
