"""The choice of what stands before an encoder's blocks: stacked frames, convolutions over them, or over samples.

Shapes: B utterances, S feature frames or samples, F features, T encoded frames, D model width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.models.frontend import ConvSubsampling
from masr.models.waveform import KERNELS_AND_STRIDES, WaveformConvolutions

Kind = Literal["linear", "conv", "waveform"]
Subsampling = Literal[1, 2, 4, 160, 320]
WaveformNorm = Literal["group", "layer"]
KIND_DOC = "linear: frames stacked and projected; conv: two convolutions; waveform: convolutions over samples"
SUBSAMPLING_DOC = "feature frames (or samples) to one encoded frame"
WAVEFORM_NORM_DOC = "of the convolutions over samples: layer, or group as wav2vec 2.0 base has it"
_FACTORS = {"linear": (1, 2, 4), "conv": (2, 4), "waveform": tuple(sorted(KERNELS_AND_STRIDES))}


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
    lengths = front_end.num_encoded(num_frames)
    if isinstance(front_end, WaveformConvolutions):  # its statistics have to know where an utterance ends
        frames: Tensor = front_end(features, num_frames)
    elif isinstance(front_end, ConvSubsampling):
        frames = front_end(features, lengths)
    else:
        frames = front_end(features)
    return frames[:, : max(1, int(lengths.max()))], lengths


def silenced(frames: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, D), (B,) -> the same with zeros past an utterance's end."""
    padding = torch.arange(frames.shape[1], device=frames.device) >= lengths[:, None]
    return frames.masked_fill(padding[:, :, None], 0.0)
