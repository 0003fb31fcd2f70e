"""Strided convolutions from samples to frames, as wav2vec 2.0 and CPC have them; statistics leave padding out.

Shapes: B utterances, S samples, T encoded frames, C channels, D model width.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.maths.on_host import from_host, on_host
from masr.models.by_length import is_cut

CHANNELS = 512
KERNELS_AND_STRIDES = {
    320: ((10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)),
    160: ((10, 8, 4, 4, 4), (5, 4, 2, 2, 2)),
}
"""Samples to one encoded frame -> the convolutions of wav2vec 2.0 (2006.11477) and of CPC (1807.03748)."""


def conv_lengths(num_samples: Tensor, kernels: Sequence[int], strides: Sequence[int]) -> Tensor:
    """(B,) -> (B,) frames that unpadded convolutions make of so many samples; 0 for too few."""
    for kernel, stride in zip(kernels, strides, strict=True):
        num_samples = ((num_samples - kernel).div(stride, rounding_mode="floor") + 1).clamp(min=0)
    return num_samples


def shortest_input(kernels: Sequence[int], strides: Sequence[int]) -> int:
    """Samples that give one encoded frame."""
    length = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        length = (length - 1) * stride + kernel
    return length


def normalised(waveforms: Tensor, num_samples: Tensor) -> Tensor:
    """(B, S), (B,) -> zero mean and unit variance of each utterance's own samples; zero past its end."""
    valid = (torch.arange(waveforms.shape[1], device=waveforms.device) < num_samples[:, None]).to(waveforms.dtype)
    count = num_samples.clamp(min=1)[:, None].to(waveforms.dtype)
    centred = (waveforms - (waveforms * valid).sum(dim=1, keepdim=True) / count) * valid
    variance = centred.square().sum(dim=1, keepdim=True) / count
    return centred * torch.rsqrt(variance + 1e-7)


def channel_norm(norm: nn.GroupNorm, maps: Tensor, lengths: Tensor) -> Tensor:
    """A group norm of one channel per group, (B, C, T), (B,) -> the same with statistics of valid frames alone.

    torch's own counts padding in, so that an utterance changes with the batch it falls into.
    """
    if not torch.compiler.is_exporting() and int(on_host(lengths).min()) >= maps.shape[2]:
        normal: Tensor = norm(maps)
        return normal
    with torch.autocast(maps.device.type, enabled=False):
        whole = maps.float()
        valid = (torch.arange(maps.shape[2], device=maps.device) < lengths[:, None])[:, None].to(whole.dtype)
        count = lengths.clamp(min=1)[:, None, None].to(whole.dtype)
        centred = whole - (whole * valid).sum(dim=2, keepdim=True) / count
        variance = (centred.square() * valid).sum(dim=2, keepdim=True) / count
        scaled = centred * torch.rsqrt(variance + norm.eps)
        return scaled * norm.weight[:, None] + norm.bias[:, None]


def one_by_one(convolutions: Callable[[Tensor, Tensor], Tensor], samples: Tensor, num_samples: Tensor) -> Tensor:
    """What `convolutions` makes of (B, S), (B,), on a CPU by each utterance alone.

    So nothing is computed of padding there, and what is at work is small. A second of samples is work enough for any
    operation to be worth its start.
    """
    lengths = num_samples.tolist() if is_cut(samples) else []
    if len(lengths) < 2:
        return convolutions(samples, num_samples)
    pairs = zip(samples[:, None], lengths, num_samples[:, None], strict=True)
    found = [convolutions(row[:, :length], count) for row, length, count in pairs]
    longest = max(frames.shape[1] for frames in found)
    return torch.cat([functional.pad(frames, (0, 0, 0, longest - frames.shape[1])) for frames in found])


class ConvLayer(nn.Module):
    """Convolution, norm or none, GELU."""

    def __init__(self, inputs: int, kernel: int, stride: int, norm: Literal["group", "layer"] | None) -> None:
        super().__init__()
        self.conv = nn.Conv1d(inputs, CHANNELS, kernel, stride, bias=False)
        self.kernel, self.stride = kernel, stride
        self.norm: nn.Module = nn.Identity()
        if norm is not None:
            self.norm = nn.GroupNorm(CHANNELS, CHANNELS) if norm == "group" else nn.LayerNorm(CHANNELS)
        nn.init.kaiming_normal_(self.conv.weight)

    def forward(self, maps: Tensor, lengths: Tensor) -> Tensor:
        """(B, C, T), (B,) valid frames of what comes out -> (B, C, T)."""
        maps = self.conv(maps)
        if isinstance(self.norm, nn.GroupNorm):
            maps = channel_norm(self.norm, maps, lengths)
        elif isinstance(self.norm, nn.LayerNorm):
            maps = self.norm(maps.transpose(1, 2)).transpose(1, 2)
        return functional.gelu(maps)


class WaveformConvolutions(nn.Module):
    """Normalised samples -> strided convolutions -> norm and projection to the model's width.

    No padding: an encoded frame exists only where all its samples do. `group` norms the first convolution over time,
    as wav2vec 2.0 base does; `layer` norms each one over channels, as its large model and CPC do.
    """

    def __init__(self, dim: int, subsampling: int, norm: Literal["group", "layer"]) -> None:
        super().__init__()
        self.kernels, self.strides = KERNELS_AND_STRIDES[subsampling]
        self.shortest = shortest_input(self.kernels, self.strides)
        rest = None if norm == "group" else norm
        self.layers = nn.ModuleList()
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            first = not self.layers
            self.layers.append(ConvLayer(1 if first else CHANNELS, kernel, stride, norm if first else rest))
        self.norm = nn.LayerNorm(CHANNELS)
        self.out = nn.Linear(CHANNELS, dim)

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """(B,) samples -> (B,) encoded frames."""
        return conv_lengths(num_frames, self.kernels, self.strides)

    def forward(self, features: Tensor, num_frames: Tensor) -> Tensor:
        """(B, S), (B,) -> (B, T, D)."""
        return one_by_one(self.together, features, num_frames)

    def together(self, features: Tensor, num_frames: Tensor) -> Tensor:
        """What `forward` gives, with every utterance padded to the longest."""
        maps = normalised(features, num_frames)
        maps = functional.pad(maps, (0, max(0, self.shortest - maps.shape[1])))[:, None]
        lengths = num_frames
        for layer, kernel, stride in zip(self.layers, self.kernels, self.strides, strict=True):
            lengths = from_host(partial(conv_lengths, kernels=[kernel], strides=[stride]), lengths)
            maps = layer(maps, lengths)
        out: Tensor = self.out(self.norm(maps.transpose(1, 2)))
        return out
