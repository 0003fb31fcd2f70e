"""Waveforms to log mel energies, frame by frame as Kaldi computes them; what log-mel and MFCC share.

Shapes: B utterances, S samples, T frames, N samples in a window, P = N rounded up to a power of two,
M mel filters.

On a CPU each utterance goes through in blocks of frames that stay in the cache, so that an utterance meets the very
same operations alone and in a batch, and the padding costs nothing. On another device a block is the whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from masr.features.mel import bands, mel_bank

Window = Literal["povey", "hamming", "hanning", "rectangular", "blackman"]
FLOOR = 1.1920928955078125e-07
"""The smallest energy whose logarithm is taken: the epsilon of float32, as in Kaldi."""
_CPU_BLOCK, _DEVICE_BLOCK = 128, 1 << 16


@dataclass(frozen=True)
class Framing:
    """How a waveform is cut into windows, and what happens to a window before its spectrum."""

    sample_rate: int = 16000
    window_ms: float = 25.0
    shift_ms: float = 10.0
    snip_edges: bool = True
    window: Window = "povey"
    preemphasis: float = 0.97
    remove_dc: bool = True
    dither: float = 0.0
    seed: int = 0
    double: bool = True

    def __post_init__(self) -> None:
        if not (math.isfinite(self.window_ms) and math.isfinite(self.shift_ms)):
            raise ValueError("window_ms and shift_ms are finite")
        if self.sample_rate <= 0 or self.shift <= 0 or self.length < 2:
            raise ValueError("sample_rate, window_ms and shift_ms leave no samples in a window or a shift")
        if not 0 <= self.preemphasis <= 1:
            raise ValueError("preemphasis is between 0 and 1")
        if not 0 <= self.dither < math.inf:
            raise ValueError("dither cannot be negative")

    @property
    def length(self) -> int:
        """N, samples in a window."""
        return int(self.sample_rate * 0.001 * self.window_ms)

    @property
    def shift(self) -> int:
        """Samples from one window to the next."""
        return int(self.sample_rate * 0.001 * self.shift_ms)

    @property
    def fft_size(self) -> int:
        """P, samples of a window with its zero padding."""
        return 1 << (self.length - 1).bit_length()

    def num_frames(self, num_samples: int) -> int:
        """T; 0 for what is shorter than a window (or than half a shift, without snip_edges)."""
        if self.snip_edges:
            return 0 if num_samples < self.length else 1 + (num_samples - self.length) // self.shift
        return (num_samples + self.shift // 2) // self.shift


class MelEnergies(nn.Module):
    """(B, S) waveforms -> (B, T, M) log mel energies; no gradient flows through it."""

    weights: Tensor
    window: Tensor

    def __init__(self, framing: Framing, num_filters: int, low_hz: float, high_hz: float) -> None:
        super().__init__()
        self.framing = framing
        self.num_filters = num_filters
        if num_filters < 1:
            raise ValueError("num_bins is at least 1")
        weights = mel_bank(num_filters, framing.fft_size, framing.sample_rate, low_hz, high_hz)
        self.bands = bands(weights)
        # Each row stands twice: the product then sums the squares of real and imaginary parts as it goes.
        self.register_buffer("weights", _on_default(weights.repeat_interleave(2, 0)), persistent=False)
        self.register_buffer("window", _on_default(_window(framing)), persistent=False)
        self.dtype = torch.float64 if framing.double else torch.float32
        self.copies: dict[tuple[str, torch.dtype], list[Tensor]] = {}

    @torch.no_grad()
    def forward(
        self,
        waveforms: Tensor,
        num_samples: Tensor,
        generator: torch.Generator | None = None,
        with_energy: bool = False,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(B, S) float in [-1, 1] or int16, (B,) -> (B, T, M), (B, T) log energy of each window, (B,) frame counts.

        Without `with_energy` the second one is empty. Everything past an utterance's end is zero.
        """
        samples = [int(n) for n in num_samples.tolist()]
        if waveforms.dim() != 2 or waveforms.shape[0] != len(samples) or max(samples, default=0) > waveforms.shape[1]:
            raise ValueError(f"waveforms {tuple(waveforms.shape)} do not hold utterances of {samples} samples")
        counts = [self.framing.num_frames(n) for n in samples]
        longest = max(counts, default=0)
        mel = torch.zeros(len(samples), longest, self.num_filters, device=waveforms.device)
        energy = torch.zeros(len(samples), longest if with_energy else 0, device=waveforms.device)
        frames = torch.tensor(counts, dtype=num_samples.dtype, device=num_samples.device)
        with torch.autocast(waveforms.device.type, enabled=False):
            if waveforms.device.type == "cpu":
                for b, (size, count) in enumerate(zip(samples, counts)):
                    row = slice(b, b + 1)
                    self._fill(mel[row, :count], energy[row, :count], waveforms[row, :size], [size], generator)
            else:
                self._fill(mel, energy, waveforms, samples, generator)
                past = torch.arange(longest, device=mel.device) >= frames.to(mel.device)[:, None]
                mel.masked_fill_(past[:, :, None], 0.0)
                energy.masked_fill_(past[:, : energy.shape[1]], 0.0)
        return mel, energy, frames

    def _fill(
        self, mel: Tensor, energy: Tensor, waveforms: Tensor, samples: Sequence[int], generator: torch.Generator | None
    ) -> None:
        """Writes the frames of (R, S) waveforms into (R, T, M) and, unless it is empty, (R, T)."""
        rows, count = mel.shape[0], mel.shape[1]
        if rows == 0 or count == 0:
            return
        scaled = self._signal(waveforms, samples, generator)
        # float64, so that a silence that lies beside zero comes out as silence: its offset cancels to the last digit.
        emphasised = _preemphasise(scaled.to(self.dtype), self.framing.preemphasis)
        block = _CPU_BLOCK if mel.device.type == "cpu" else max(1, _DEVICE_BLOCK // rows)
        padded = torch.zeros(rows, min(block, count), self.framing.fft_size, dtype=self.dtype, device=mel.device)
        for start in range(0, count, block):
            end = min(start + block, count)
            raw = self._windows(scaled, start, end)
            mean = raw.mean(-1, keepdim=True) if self.framing.remove_dc else raw.new_zeros(1, 1, 1)
            if energy.shape[1]:
                energy[:, start:end] = (raw - mean).square().sum(-1)
            buffer = padded[:, : end - start]
            self._window(buffer[:, :, : self.framing.length], self._windows(emphasised, start, end), raw, mean)
            self._filter(mel[:, start:end], torch.fft.rfft(buffer))
        mel.clamp_(min=FLOOR).log_()
        energy.clamp_(min=FLOOR).log_()

    def _signal(self, waveforms: Tensor, samples: Sequence[int], generator: torch.Generator | None) -> Tensor:
        """(R, S) at the scale of 16-bit samples, with dither, long enough for every window to lie inside."""
        scaled = waveforms.float() if waveforms.dtype == torch.int16 else waveforms.float() * 32768.0
        if self.framing.dither > 0:
            scaled = scaled + self.framing.dither * self._noise(scaled, samples, generator)
        return scaled if self.framing.snip_edges else self._reflected(scaled, samples)

    def _noise(self, like: Tensor, samples: Sequence[int], generator: torch.Generator | None) -> Tensor:
        """White noise; an utterance's own depends on its length and the seed, or on the generator's state alone.

        Drawn on the CPU, so that a device does not change it.
        """
        noise = torch.zeros(like.shape, device="cpu")
        for row, size in enumerate(samples):
            source = generator or torch.Generator("cpu").manual_seed(self.framing.seed)
            noise[row, :size] = torch.randn(size, generator=source, device="cpu")
        return noise.to(like.device)

    def _reflected(self, scaled: Tensor, samples: Sequence[int]) -> Tensor:
        """(R, L) with both ends mirrored, as often as it takes for windows that are centred on their shift."""
        framing = self.framing
        first = framing.shift // 2 - framing.length // 2
        longest = max(framing.num_frames(n) for n in samples)
        size = torch.tensor(samples, device=scaled.device).clamp(min=1)[:, None]
        place = torch.arange(first, first + (longest - 1) * framing.shift + framing.length, device=scaled.device)
        place = place.remainder(2 * size)
        return scaled.gather(1, torch.minimum(place, 2 * size - 1 - place))

    def _windows(self, signal: Tensor, start: int, end: int) -> Tensor:
        """(R, L) -> (R, end - start, N), a view that copies nothing."""
        rows, shift = signal.shape[0], self.framing.shift
        return signal.as_strided(
            (rows, end - start, self.framing.length),
            (signal.stride(0), shift, 1),
            signal.storage_offset() + start * shift,
        )

    def _window(self, out: Tensor, emphasised: Tensor, raw: Tensor, mean: Tensor) -> None:
        """Writes w * preemphasis(x - mean): taking the mean off before or after differs by a constant factor."""
        keep = 1.0 - self.framing.preemphasis
        torch.sub(emphasised, mean.to(out.dtype) * keep, out=out)
        if self.framing.window != "povey" and self.framing.window != "hanning":
            # Kaldi's first sample follows itself, not the sample before the window; those two windows hide it.
            out[:, :, 0] = (raw[:, :, 0] - mean[:, :, 0]) * keep
        out.mul_(self.window)

    def _filter(self, out: Tensor, spectrum: Tensor) -> None:
        """Writes the mel energies of (R, T, P / 2 + 1) complex spectra, band by band."""
        dtype = _product_dtype(spectrum.device)
        parts = torch.view_as_real(spectrum).flatten(2)
        power = parts.to(dtype).square_() if parts.dtype != dtype else parts.square_()
        for band, weights in zip(self.bands, self._band_weights(power)):
            part = power[:, :, 2 * band.first_bin : 2 * band.end_bin]
            out[:, :, band.first_filter : band.end_filter] = part @ weights

    def _band_weights(self, like: Tensor) -> list[Tensor]:
        """The dense pieces of the filter bank, kept once for each device and type."""
        key = (str(like.device), like.dtype)
        if key not in self.copies:
            weights = self.weights.to(like.device, like.dtype)
            self.copies[key] = [
                weights[2 * b.first_bin : 2 * b.end_bin, b.first_filter : b.end_filter].contiguous() for b in self.bands
            ]
        return self.copies[key]


def _product_dtype(device: torch.device) -> torch.dtype:
    """float32 where its products are true to it; a run that allows TF32 or bfloat16 ones gets float64 here."""
    exact = device.type == "cpu" and torch.get_float32_matmul_precision() == "highest"
    return torch.float32 if exact else torch.float64


def _preemphasise(signal: Tensor, coefficient: float) -> Tensor:
    """x[n] - c x[n - 1] over the whole signal at once, where Kaldi does it two and a half times, window by window."""
    out = torch.empty_like(signal, memory_format=torch.contiguous_format)
    torch.sub(signal[:, 1:], signal[:, :-1], alpha=coefficient, out=out[:, 1:])
    torch.mul(signal[:, :1], 1.0 - coefficient, out=out[:, :1])
    return out


def _window(framing: Framing) -> Tensor:
    """(N,) in the type that the window is multiplied in."""
    turn = 2.0 * math.pi / (framing.length - 1)
    phase = torch.arange(framing.length, dtype=torch.float64, device="cpu") * turn
    shapes = {
        "povey": (0.5 - 0.5 * phase.cos()).clamp(min=0.0) ** 0.85,
        "hanning": 0.5 - 0.5 * phase.cos(),
        "hamming": 0.54 - 0.46 * phase.cos(),
        "rectangular": torch.ones_like(phase),
        "blackman": 0.42 - 0.5 * phase.cos() + 0.08 * (2 * phase).cos(),
    }
    return shapes[framing.window].to(torch.float64 if framing.double else torch.float32)


def _on_default(tensor: Tensor) -> Tensor:
    """The tensor on the device that `torch.set_default_device` names, where a module's parameters would be."""
    return tensor.to(torch.get_default_device())
