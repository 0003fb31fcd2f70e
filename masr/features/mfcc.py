"""Mel-frequency cepstral coefficients, equal to Kaldi's; with deltas they are what HuBERT's first targets come from."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from masr.config import option, seed_option
from masr.features.spectrum import Framing, MelEnergies, Window


@dataclass(frozen=True)
class Config:
    """What `features: {name: mfcc}` may set."""

    num_ceps: int = option(13, "cepstral coefficients, the first included")
    num_mel: int = option(23, "mel filters (40 for the high-resolution kind with 40 coefficients)")
    cepstral_lifter: float = option(22.0, "lifter that brings the coefficients to one scale; 0 for none")
    use_energy: bool = option(True, "the window's log energy in place of the first coefficient")
    deltas: Literal[0, 1, 2] = option(0, "orders of differences appended; HuBERT's targets have 2, without use_energy")
    sample_rate: int = option(16000, "samples per second")
    window_ms: float = option(25.0, "length of a window")
    shift_ms: float = option(10.0, "from one window to the next")
    low_hz: float = option(20.0, "where the lowest filter begins")
    high_hz: float = option(0.0, "where the highest filter ends; 0 or below counts down from the Nyquist frequency")
    snip_edges: bool = option(True, "only windows that lie inside the utterance; false mirrors its ends")
    window: Window = option("povey", "shape of the window")
    preemphasis: float = option(0.97, "share of the sample before that is taken off")
    remove_dc: bool = option(True, "take the mean off each window")
    dither: float = option(0.0, "standard deviation of added noise, in steps of a 16-bit sample (Kaldi's default is 1)")
    seed: int = seed_option("of the dither, where no generator is given")

    def __post_init__(self) -> None:
        build(self)

    def framing(self) -> Framing:
        """The options on windows, which have nothing to do with mel."""
        return Framing(
            self.sample_rate, self.window_ms, self.shift_ms, self.snip_edges, self.window,
            self.preemphasis, self.remove_dc, self.dither, self.seed,
        )  # fmt: skip


class Mfcc(nn.Module):
    """(B, S) waveforms -> (B, T, num_ceps * (1 + deltas)). An utterance shorter than a window has no frame."""

    transform: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        if not 1 <= config.num_ceps <= config.num_mel:
            raise ValueError("num_ceps is between 1 and num_mel")
        self.config = config
        self.energies = MelEnergies(config.framing(), config.num_mel, config.low_hz, config.high_hz)
        transform = _cosines(config.num_mel, config.num_ceps) * _lifter(config.num_ceps, config.cepstral_lifter)
        # float64: a product in it is the same on any device, whatever precision a run allows for its own.
        self.register_buffer("transform", transform.to(torch.get_default_device()), persistent=False)

    @property
    def num_bins(self) -> int:
        """Width of a frame."""
        return self.config.num_ceps * (1 + self.config.deltas)

    @property
    def sample_rate(self) -> int:
        """Samples per second of the waveforms it takes."""
        return self.config.sample_rate

    def num_frames(self, num_samples: int) -> int:
        """Frames that come out of so many samples."""
        return self.energies.framing.num_frames(num_samples)

    @torch.no_grad()
    def forward(
        self, waveforms: Tensor, num_samples: Tensor, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """(B, S) float in [-1, 1] or int16, (B,) -> (B, T, num_bins), (B,); frames past an utterance's end are zero."""
        mel, energy, frames = self.energies(waveforms, num_samples, generator, self.config.use_energy)
        with torch.autocast(mel.device.type, enabled=False):
            cepstra = (mel.double() @ self.transform.to(mel.device)).float()
        if self.config.use_energy:
            cepstra[:, :, 0] = energy
        orders = [cepstra]
        for _ in range(self.config.deltas):
            orders.append(deltas(orders[-1], frames))
        past = torch.arange(mel.shape[1], device=mel.device) >= frames.to(mel.device)[:, None]
        return torch.cat(orders, 2).masked_fill(past[:, :, None], 0.0), frames


def deltas(frames: Tensor, num_frames: Tensor, reach: int = 2) -> Tensor:
    """(B, T, D), (B,) -> (B, T, D): the slope over `reach` frames to each side, the ends repeated.

    The end is the utterance's own, so that padding does not enter.
    """
    last = (num_frames.to(frames.device) - 1).clamp(min=0)[:, None]
    place = torch.arange(frames.shape[1], device=frames.device)[None]
    slope = torch.zeros_like(frames)
    for step in range(1, reach + 1):
        for sign in (1, -1):
            near = torch.minimum((place + sign * step).clamp(min=0), last)
            slope += sign * step * frames.gather(1, near[:, :, None].expand_as(frames))
    return slope / (2 * sum(step * step for step in range(1, reach + 1)))


def _cosines(num_mel: int, num_ceps: int) -> Tensor:
    """(num_mel, num_ceps) orthonormal cosine transform in float64."""
    place = torch.arange(num_mel, dtype=torch.float64, device="cpu")[:, None] + 0.5
    order = torch.arange(num_ceps, dtype=torch.float64, device="cpu")
    matrix = (math.pi / num_mel * place * order).cos() * math.sqrt(2.0 / num_mel)
    matrix[:, 0] = math.sqrt(1.0 / num_mel)
    return matrix


def _lifter(num_ceps: int, lifter: float) -> Tensor:
    order = torch.arange(num_ceps, dtype=torch.float64, device="cpu")
    return 1.0 + 0.5 * lifter * (math.pi * order / lifter).sin() if lifter else torch.ones_like(order)


def build(config: Config) -> Mfcc:
    """The features themselves."""
    return Mfcc(config)
