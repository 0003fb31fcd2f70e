"""The input of w2v-BERT 2.0 from a waveform: Kaldi's log-mel, normalised per utterance and bin, frames side by side.

Equal to what transformers' SeamlessM4TFeatureExtractor makes of one utterance; window and filters are its own.

Shapes: B utterances, S samples, N mel frames, M mel bins, T stacks of frames.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

_WINDOW, _SHIFT, _FFT = 400, 160, 512
_PREEMPHASIS = 0.97
_FLOOR = 1.192092955078125e-07


class StackedMel(nn.Module):
    """Waveform -> stacks of normalised log-mel frames."""

    filters: Tensor
    window: Tensor

    def __init__(self, filters: Tensor, window: Tensor, stack: int) -> None:
        super().__init__()
        self.stack = stack
        self.subsampling = _SHIFT * stack
        self.register_buffer("filters", filters.double(), persistent=False)
        self.register_buffer("window", window.double(), persistent=False)

    def num_mel(self, num_samples: Tensor) -> Tensor:
        """(B,) -> (B,) mel frames."""
        return ((num_samples - _WINDOW).div(_SHIFT, rounding_mode="floor") + 1).clamp(min=0)

    def num_encoded(self, num_samples: Tensor) -> Tensor:
        """(B,) -> (B,) whole stacks."""
        return self.num_mel(num_samples).div(self.stack, rounding_mode="floor")

    def forward(self, waveforms: Tensor, num_samples: Tensor) -> Tensor:
        """(B, S) in [-1, 1], (B,) -> (B, T, stack * M), zero past an utterance's end."""
        short = _WINDOW + (self.stack - 1) * _SHIFT - waveforms.shape[1]
        mel = self.log_mel(nn.functional.pad(waveforms, (0, max(0, short))))
        lengths = self.num_mel(num_samples)
        valid = (torch.arange(mel.shape[1], device=mel.device) < lengths[:, None])[:, :, None].to(mel.dtype)
        count = lengths[:, None, None].to(mel.dtype)
        centred = (mel - (mel * valid).sum(dim=1, keepdim=True) / count.clamp(min=1)) * valid
        variance = centred.square().sum(dim=1, keepdim=True) / (count - 1).clamp(min=1)
        normal = (centred * torch.rsqrt(variance + 1e-7)).to(waveforms.dtype)
        stacks = normal.shape[1] // self.stack
        return normal[:, : stacks * self.stack].reshape(len(normal), stacks, -1)

    def log_mel(self, waveforms: Tensor) -> Tensor:
        """(B, S) -> (B, N, M), with the original's precisions: double, but for the spectrum and what comes out.

        The logarithm of a quiet bin is delicate, and so is a bin that hardly changes, once it is normalised.
        """
        kind = torch.float32 if waveforms.device.type == "mps" else torch.float64
        frames = (waveforms.to(kind) * 2**15).unfold(1, _WINDOW, _SHIFT)
        frames = frames - frames.mean(dim=2, keepdim=True)
        before = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
        spectrum = torch.fft.rfft((frames - _PREEMPHASIS * before) * self.window.to(kind), _FFT)
        real, imaginary = spectrum.real.float().to(kind), spectrum.imag.float().to(kind)
        power = real.square() + imaginary.square()
        mel: Tensor = (power @ self.filters.to(kind)).clamp(min=_FLOOR).log().float()
        return mel
