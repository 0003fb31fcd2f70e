"""What turns an utterance's frames into a score for each class.

Shapes: B utterances, T frames, D width, P pooled width, E width of the embedding, C classes.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from masr.maths.on_host import number, rows_at
from masr.models.pooling import AttentionPooling, Kind, MeanPooling, StatisticsPooling, build_pooling, valid_of

HeadKind = Literal["linear", "ecapa"]
_FLOOR = 1e-5
_PACE = 0.05
_BOTTLENECK = 128
"""Width of the attention of ECAPA-TDNN (2005.07143, section 3.1)."""


class RunningNorm(nn.Module):
    """Mean 0 and variance 1 in each dimension, by figures of the utterances that were learnt from in earlier steps.

    Pooled frames of any two utterances lie close together, far from zero: a classifier sees them apart only once the
    common part is taken away. Batch norm would do that by the utterances that happen to stand together; here an
    utterance counts the same in any company, in training as well.
    """

    mean: Tensor
    variance: Tensor
    num_steps: Tensor
    seen: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("variance", torch.ones(dim))
        self.register_buffer("num_steps", torch.zeros((), dtype=torch.int64))
        self.register_buffer("seen", torch.zeros(2 * dim + 1, dtype=torch.float64))
        """Sums, sums of squares and number of the rows of this step; saved, as a run may be resumed before it moved."""

    def forward(self, rows: Tensor, heard: Tensor) -> Tensor:
        """(B, P), (B,) which of them may move the figures -> (B, P)."""
        rows = rows.float()
        if self.training:
            self.note(rows_at(rows.detach(), heard).double())
        normal: Tensor = (rows - self.mean) * (self.variance + _FLOOR).rsqrt()
        return normal

    @torch.no_grad()
    def note(self, rows: Tensor) -> None:
        """Keeps the sums of all ranks for the next step."""
        sums = torch.cat([rows.sum(dim=0), rows.square().sum(dim=0), number(rows, float(len(rows)))[None]])
        if distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1:
            distributed.all_reduce(sums)
        self.seen += sums

    @torch.no_grad()
    def follow(self) -> None:
        """Moves the running figures towards those of the step that ended; the first step sets them."""
        moves = self.seen[-1] >= 2
        mean, square = (self.seen[:-1] / self.seen[-1].clamp(min=1)).chunk(2)
        self.num_steps += moves
        pace = torch.where(moves, (1 / self.num_steps.clamp(min=1).double()).clamp(min=_PACE), 0.0)
        for held, new in ((self.mean, mean), (self.variance, (square - mean.square()).clamp(min=0))):
            held.lerp_(new.to(held.dtype), pace.to(held.dtype))
        self.seen.masked_fill_(moves, 0.0)


class ChannelAttentionPooling(nn.Module):
    """Mean and standard deviation with weights of their own for each channel, as ECAPA-TDNN pools (2005.07143).

    The attention sees each frame beside the mean and standard deviation of its whole utterance. Layer norm stands
    where others have batch norm over padded frames, so that neither padding nor company changes anything.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.out_dim = 2 * dim
        self.squeeze = nn.Linear(3 * dim, _BOTTLENECK)
        self.norm = nn.LayerNorm(_BOTTLENECK)
        self.score = nn.Linear(_BOTTLENECK, dim)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D), (B,) -> (B, 2D); finite for an utterance without frames too."""
        valid = valid_of(frames, lengths)
        mean, spread = _moments(frames, valid / lengths.clamp(min=1)[:, None, None].to(frames.dtype))
        context = torch.cat([mean, spread], dim=1)[:, None].expand(-1, frames.shape[1], -1)
        hidden = self.norm(functional.relu(self.squeeze(torch.cat([frames, context], dim=2))))
        scores = self.score(hidden).float().masked_fill(valid == 0, torch.finfo(torch.float32).min)
        return torch.cat(_moments(frames, scores.softmax(dim=1).to(frames.dtype) * valid), dim=1)


def _moments(frames: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """(B, T, D), (B, T, 1 or D) that sum to one over time -> (B, D) weighted mean and standard deviation."""
    mean = (frames * weights).sum(dim=1)
    variance = ((frames - mean[:, None]).square() * weights).sum(dim=1)
    return mean, (variance + _FLOOR).sqrt()


class LayerMean(nn.Module):
    """A learnt weighted mean of all layers: what tells languages apart need not be in the last."""

    def __init__(self, num_layers: int) -> None:
        super().__init__()
        self.scores = nn.Parameter(torch.zeros(num_layers))

    def forward(self, layers: tuple[Tensor, ...]) -> Tensor:
        """(B, T, D) each -> (B, T, D)."""
        weights = self.scores.softmax(dim=0)
        return sum((w * x for w, x in zip(weights, layers, strict=True)), torch.zeros_like(layers[0]))


class Head(nn.Module):
    """Pools, normalises, and for `ecapa` projects to an embedding; `classify` compares that with each class."""

    def __init__(
        self, kind: HeadKind, dim: int, num_classes: int, pooling: Kind, embedding_dim: int, dropout: float
    ) -> None:
        super().__init__()
        self.pooling: ChannelAttentionPooling | MeanPooling | AttentionPooling | StatisticsPooling
        self.pooling = ChannelAttentionPooling(dim) if kind == "ecapa" else build_pooling(pooling, dim)
        self.norm = RunningNorm(self.pooling.out_dim)
        self.dropout = nn.Dropout(dropout)
        self.projection = nn.Linear(self.pooling.out_dim, embedding_dim) if kind == "ecapa" else None
        self.projected_norm = RunningNorm(embedding_dim) if kind == "ecapa" else None
        width = embedding_dim if kind == "ecapa" else self.pooling.out_dim
        self.classes = nn.Linear(width, num_classes)

    def advance(self) -> None:
        """Called between two steps: the running figures take in what was seen."""
        for norm in (self.norm, self.projected_norm):
            if norm is not None:
                norm.follow()

    def forward(self, frames: Tensor, lengths: Tensor, heard: Tensor) -> Tensor:
        """(B, T, D), (B,), (B,) which utterances may move running figures -> (B, E)."""
        vectors: Tensor = self.dropout(self.norm(self.pooling(frames, lengths), heard))
        if self.projection is not None and self.projected_norm is not None:
            vectors = self.projected_norm(self.projection(vectors), heard)
        return vectors
