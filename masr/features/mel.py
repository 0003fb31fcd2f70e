"""Kaldi's mel filter bank, as a matrix and as the few dense bands it is made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Band:
    """Neighbouring filters, and the stretch of the spectrum they look at."""

    first_filter: int
    end_filter: int
    first_bin: int
    end_bin: int


def mel_bank(num_filters: int, fft_size: int, sample_rate: int, low_hz: float, high_hz: float) -> Tensor:
    """(fft_size / 2 + 1, num_filters) weights of triangular filters, equally spaced in mel.

    `high_hz` at or below zero counts down from the Nyquist frequency. All arithmetic is float32, because Kaldi's
    is: where a filter meets a single bin near its edge, the weight depends on it.
    """
    nyquist = sample_rate / 2
    high_hz = high_hz if high_hz > 0 else nyquist + high_hz
    if not 0 <= low_hz < high_hz <= nyquist:
        raise ValueError(f"mel filters from {low_hz:g} to {high_hz:g} Hz do not fit under {nyquist:g} Hz")
    with torch.device("cpu"):
        low, high = _mel(torch.tensor([low_hz, high_hz])).unbind()
        step = (high - low) / (num_filters + 1)
        number = torch.arange(num_filters, dtype=torch.float32)
        left, centre, right = (low + (number + shift) * step for shift in (0.0, 1.0, 2.0))
        mel = _mel(torch.arange(fft_size // 2, dtype=torch.float32) * (sample_rate / fft_size))[:, None]
        rising, falling = (mel - left) / (centre - left), (right - mel) / (right - centre)
        inside = (mel > left) & (mel < right)
        weights = torch.where(mel <= centre, rising, falling).where(inside, 0.0)
        # Kaldi leaves the bin at the Nyquist frequency out.
        return torch.cat([weights, torch.zeros(1, num_filters)])


def bands(weights: Tensor, shares: tuple[float, ...] = (0.4, 0.3, 0.3)) -> list[Band]:
    """Splits the filters so that each group's matrix product skips the bins it gives no weight.

    Three groups do a third of the work of the whole matrix; more of them are too narrow to be fast.
    """
    num_filters = weights.shape[1]
    ends, total = [], 0.0
    for share in shares:
        total += share
        ends.append(min(num_filters, round(total * num_filters)))
    groups = []
    for first, end in zip([0, *ends[:-1]], ends):
        used = weights[:, first:end].ne(0).any(1).nonzero().flatten()
        if end > first:
            low, high = (int(used[0]), int(used[-1]) + 1) if used.numel() else (0, 1)
            groups.append(Band(first, end, low, high))
    return groups


def _mel(hz: Tensor) -> Tensor:
    return 1127.0 * torch.log(1.0 + hz / 700.0)
