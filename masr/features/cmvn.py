"""Cepstral mean and variance normalisation, with statistics in the matrix that Kaldi keeps them in.

Shapes: B utterances, T frames, D features. Statistics are (2, D + 1) float64: the sums with the number of frames in
the last column, and the sums of squares with a zero there.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from masr.maths.on_host import on_host

Stats = npt.NDArray[np.float64]
"""The frames that one mean is taken over."""
VARIANCE_FLOOR = 1e-20
"""The least variance, as in Kaldi: a feature that never moves is divided by 1e-10, not by zero."""


class Accumulator:
    """Sums over frames as they come by, in float64, so that a million frames lose nothing."""

    def __init__(self, dim: int) -> None:
        self.stats: Stats = np.zeros((2, dim + 1))

    def add(self, frames: Tensor) -> None:
        """Counts (T, D) frames in."""
        self.stats += stats_of(frames)

    def merge(self, stats: Stats) -> None:
        """Counts in what another accumulator has seen."""
        self.stats += stats

    @property
    def num_frames(self) -> float:
        """How many frames were counted in so far."""
        return float(self.stats[0, -1])


def stats_of(frames: Tensor) -> Stats:
    """(2, D + 1) statistics of (T, D) frames."""
    exact = frames.double()
    stats = torch.zeros(2, frames.shape[1] + 1, dtype=torch.float64, device=frames.device)
    stats[0, :-1] = exact.sum(0)
    stats[0, -1] = frames.shape[0]
    stats[1, :-1] = exact.square().sum(0)
    return stats.cpu().numpy()


def total(stats: Iterable[Stats]) -> Stats:
    """The statistics of everything together: the global ones from those of the speakers."""
    parts = list(stats)
    if not parts:
        raise ValueError("there are no statistics to add up")
    summed: Stats = np.sum(parts, axis=0)
    return summed


def normalise(
    frames: Tensor, num_frames: Tensor, stats: Tensor | None = None, norm_means: bool = True, norm_vars: bool = False
) -> Tensor:
    """(B, T, D), (B,) -> (B, T, D), zero past each utterance's end.

    `stats` is (B, 2, D + 1) with each utterance's own row, say its speaker's, or (2, D + 1) for all of them; without
    it an utterance is normalised by itself.
    """
    place = torch.arange(frames.shape[1], device=frames.device)
    inside = (place < num_frames.to(frames.device)[:, None])[:, :, None]
    if stats is None:
        mean, variance = _own_moments(frames, inside)
    else:
        if bool((on_host(stats)[..., 0, -1] <= 0).any()):
            raise ValueError("statistics of no frame normalise nothing")
        mean, variance = _moments(stats.to(frames.device))
    scale = variance.clamp(min=VARIANCE_FLOOR).rsqrt() if norm_vars else torch.ones_like(variance)
    shift = mean if norm_means else torch.zeros_like(mean)
    # float64, because the scale is 1e10 where a variance is at its floor.
    out = ((frames.double() - shift) * scale).to(frames.dtype)
    return out.masked_fill(~inside, 0.0)


def _own_moments(frames: Tensor, inside: Tensor) -> tuple[Tensor, Tensor]:
    exact = frames.double().masked_fill(~inside, 0.0)
    count = inside.sum(1, keepdim=True).clamp(min=1)
    mean = exact.sum(1, keepdim=True) / count
    variance = (exact - mean).masked_fill(~inside, 0.0).square().sum(1, keepdim=True) / count
    return mean, variance


def _moments(stats: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance, (B or 1, 1, D); statistics of no frame are refused."""
    stats = (stats if stats.dim() == 3 else stats[None]).double()
    count = stats[:, :1, -1:]
    mean = stats[:, :1, :-1] / count
    return mean, stats[:, 1:, :-1] / count - mean.square()
