"""Frames of an utterance become one vector, padding left out.

Shapes: B utterances, T frames, D width.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

Kind = Literal["mean", "attention", "statistics"]


class MeanPooling(nn.Module):
    """The mean of valid frames."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_dim = dim

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D), (B,) -> (B, D); zeros for an utterance without frames."""
        return mean_of(frames, lengths)


class AttentionPooling(nn.Module):
    """A mean weighted by what a small network makes of each frame (self-attentive pooling)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_dim = dim
        self.score = nn.Sequential(nn.Linear(dim, dim // 2), nn.Tanh(), nn.Linear(dim // 2, 1))

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D), (B,) -> (B, D)."""
        valid = valid_of(frames, lengths)
        scores = self.score(frames).float().masked_fill(valid == 0, torch.finfo(torch.float32).min)
        weights = scores.softmax(dim=1).to(frames.dtype) * valid
        pooled: Tensor = (frames * weights).sum(dim=1)
        return pooled


class StatisticsPooling(nn.Module):
    """Mean and standard deviation, as x-vectors have them."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_dim = 2 * dim

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D), (B,) -> (B, 2D)."""
        valid = valid_of(frames, lengths)
        count = lengths.clamp(min=1)[:, None].to(frames.dtype)
        mean = (frames * valid).sum(dim=1) / count
        variance = ((frames - mean[:, None]).square() * valid).sum(dim=1) / count
        return torch.cat([mean, (variance + 1e-6).sqrt()], dim=1)


def build_pooling(kind: Kind, dim: int) -> MeanPooling | AttentionPooling | StatisticsPooling:
    """The pooling of that name for frames of that width; `out_dim` tells the width of what comes out."""
    if kind == "attention":
        return AttentionPooling(dim)
    return StatisticsPooling(dim) if kind == "statistics" else MeanPooling(dim)


def mean_of(frames: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, D), (B,) -> (B, D) the mean of valid frames; zeros for an utterance without any."""
    return (frames * valid_of(frames, lengths)).sum(dim=1) / lengths.clamp(min=1)[:, None].to(frames.dtype)


def valid_of(frames: Tensor, lengths: Tensor) -> Tensor:
    """(B, T, D), (B,) -> (B, T, 1): one where a frame belongs to its utterance, zero where it is padding."""
    valid = torch.arange(frames.shape[1], device=frames.device) < lengths[:, None].to(frames.device)
    return valid[:, :, None].to(frames.dtype)
