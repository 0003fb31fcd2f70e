"""Log-mel frames as a few matrix products, which every format of graphs can hold.

What happens to a window before its spectrum is linear: the mean taken off, pre-emphasis, the window's shape, and the
Fourier transform. So it is one matrix here, in double precision as Kaldi's numbers need it.

Shapes: B utterances, S samples, T frames, N samples in a window, P its size with zeros, M mel filters.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from masr.errors import UsageError
from masr.features.log_mel import LogMel
from masr.features.spectrum import FLOOR, Framing


class GraphLogMel(nn.Module):
    """`LogMel` without a loop: (B, S), (B,) -> (B, T, M), (B,), zero past an utterance's end."""

    transform: Tensor
    weights: Tensor

    def __init__(self, features: Any) -> None:
        """UsageError where the features are not log-mel frames of windows that lie inside the utterance."""
        super().__init__()
        reason = _unfit(features)
        if reason:
            raise UsageError(
                f"these features cannot stand inside a graph: {reason}",
                why="a graph holds arithmetic that is the same for every utterance",
                fix="leave them outside, and give the graph the frames that masr makes: --features outside",
            )
        framing: Framing = features.energies.framing
        self.length, self.shift = framing.length, framing.shift
        self.num_bins, self.sample_rate = features.num_bins, features.sample_rate
        self.register_buffer("transform", transform_of(framing))
        self.register_buffer("weights", features.energies.weights[::2].double())

    def forward(self, waveforms: Tensor, num_samples: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S) in [-1, 1], (B,) -> (B, T, M), (B,)."""
        time = (waveforms.shape[1] - self.length) // self.shift + 1
        places = torch.arange(time)[:, None] * self.shift + torch.arange(self.length)
        spectrum = (waveforms.double() * 32768.0)[:, places] @ self.transform
        real, imaginary = spectrum.chunk(2, dim=2)
        mel = ((real.square() + imaginary.square()) @ self.weights).float().clamp(min=FLOOR).log()
        counts = ((num_samples - self.length).div(self.shift, rounding_mode="floor") + 1).clamp(min=0)
        past = torch.arange(time) >= counts[:, None]
        return mel.masked_fill(past[:, :, None], 0.0), counts

    def num_frames(self, num_samples: int) -> int:
        """Frames that come out of so many samples."""
        return 0 if num_samples < self.length else 1 + (num_samples - self.length) // self.shift


def transform_of(framing: Framing) -> Tensor:
    """(N, P + 2) float64: samples of a window -> real parts of its spectrum, then imaginary ones."""
    from masr.features.spectrum import _window

    size, keep = framing.length, 1.0 - framing.preemphasis
    raw = torch.eye(size, dtype=torch.float64)
    emphasised = raw.clone()
    emphasised[:, 1:] -= framing.preemphasis * raw[:, :-1]
    emphasised[:, 0] *= keep
    mean = raw.mean(dim=1, keepdim=True) if framing.remove_dc else torch.zeros(size, 1, dtype=torch.float64)
    shaped = (emphasised - keep * mean) * _window(framing).double()
    spectrum = torch.fft.rfft(shaped, framing.fft_size)
    return torch.cat([spectrum.real, spectrum.imag], dim=1)


def _unfit(features: Any) -> str:
    """Why features are none of those; empty where they are."""
    if not isinstance(features, LogMel):
        return f"{type(features).__name__} is no log-mel"
    framing = features.energies.framing
    if framing.dither:
        return "dither is noise"
    return "" if framing.snip_edges else "snip_edges: false mirrors the ends of each utterance"
