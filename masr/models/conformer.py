"""The Conformer (2005.08100) in plain torch: an utterance gives the same frames alone and in any batch.

Shapes: B utterances, T encoded frames, F features, D model width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.checkpoint import checkpoint

from masr.config import option
from masr.maths.on_host import from_host, places
from masr.maths.products import Linear
from masr.models.attention import RelativeAttention, RotaryAttention, relative_positions, rotary_positions
from masr.models.by_length import in_groups
from masr.models.frontend import ConvSubsampling
from masr.models.limits import check_numbers
from masr.models.padding_mask import cut_to_longest, padding_of
from masr.types import Encoded


@dataclass(frozen=True)
class Config:
    """The paper's encoder; the defaults are BEST-RQ's 25M ablation model."""

    num_bins: int = option(80, "width of a feature frame")
    dim: int = option(256, "model width")
    num_layers: int = option(16, "Conformer blocks")
    num_heads: int = option(8, "attention heads")
    feed_forward_dim: int = option(1024, "inner width of the feed-forward modules")
    kernel: int = option(5, "frames that the depthwise convolution sees; odd")
    subsampling: Literal[2, 4] = option(4, "feature frames to one encoded frame")
    channels: int | None = option(None, "channels of the subsampling's convolutions; as many as dim where null")
    positions: Literal["relative", "rotary"] = option("relative", "relative as the paper has it; rotary is faster")
    conv_norm: Literal["layer", "batch"] = option("layer", "norm of the convolution module; batch as the paper has it")
    dropout: float = option(0.1, "on every module's output")
    attention_dropout: float = option(0.0, "on attention weights")
    layer_drop: float = option(0.0, "share of blocks left out of a training step")
    checkpoint_activations: bool = option(False, "recompute each block in the backward pass: slower, less memory")

    def __post_init__(self) -> None:
        check_numbers(self)
        if self.dim % self.num_heads or (self.dim // self.num_heads) % 2:
            raise ValueError("dim must be num_heads times an even number")
        if self.kernel % 2 == 0:
            raise ValueError("kernel must be odd, so that a frame stands in its middle")


def build(config: Config) -> Conformer:
    """The encoder with fresh weights."""
    return Conformer(config)


class FeedForward(nn.Module):
    """Norm, widen, swish, narrow."""

    def __init__(self, dim: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.widen = Linear(dim, inner)
        self.narrow = Linear(inner, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        inner = self.dropout(functional.silu(self.widen(self.norm(frames))))
        out: Tensor = self.dropout(self.narrow(inner))
        return out


class MaskedBatchNorm(nn.BatchNorm1d):
    """Batch norm whose statistics leave padded frames out."""

    of_a_micro_batch = "statistics of batch norm"

    def forward(self, frames: Tensor, padding: Tensor | None = None) -> Tensor:
        """(B, T, D), (B, T) true where padded -> (B, T, D)."""
        flat = frames.reshape(-1, frames.shape[-1])
        if padding is None or not self.training:
            return super().forward(flat).view_as(frames)
        kept = places(padding, of=False)
        return flat.index_copy(0, kept, super().forward(flat.index_select(0, kept))).view_as(frames)


class Convolution(nn.Module):
    """Gate, depthwise convolution over time, norm, swish; padding is zero before the convolution sees it."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        dim = config.dim
        self.norm = nn.LayerNorm(dim)
        self.gate = Linear(dim, 2 * dim)
        self.depthwise = nn.Conv1d(dim, dim, config.kernel, padding=config.kernel // 2, groups=dim)
        self.inner_norm = MaskedBatchNorm(dim) if config.conv_norm == "batch" else nn.LayerNorm(dim)
        self.out = Linear(dim, dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, frames: Tensor, padding: Tensor | None) -> Tensor:
        """(B, T, D), (B, T) true where padded -> (B, T, D)."""
        gated = functional.glu(self.gate(self.norm(frames)), dim=-1)
        if padding is not None:
            gated = gated.masked_fill(padding[:, :, None], 0.0)
        mixed = self.over_time(gated)
        if isinstance(self.inner_norm, MaskedBatchNorm):
            mixed = self.inner_norm(mixed, padding)
        else:
            mixed = self.inner_norm(mixed)
        out: Tensor = self.dropout(self.out(functional.silu(mixed)))
        return out

    def over_time(self, frames: Tensor) -> Tensor:
        """The depthwise convolution, (B, T, D) -> (B, T, D)."""
        conv = self.depthwise
        if not frames.is_cpu:
            mixed: Tensor = conv(frames.transpose(1, 2)).transpose(1, 2)
            return mixed
        # oneDNN convolves frames where they lie when time is an image's height, ten times as fast as over its width.
        image = frames.transpose(1, 2)[..., None]
        maps = functional.conv2d(
            image, conv.weight[..., None], conv.bias, padding=(conv.kernel_size[0] // 2, 0), groups=conv.groups
        )
        return maps[..., 0].transpose(1, 2)


class Block(nn.Module):
    """Half a feed-forward, attention, convolution, half a feed-forward, norm."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        attention = RelativeAttention if config.positions == "relative" else RotaryAttention
        self.first = FeedForward(config.dim, config.feed_forward_dim, config.dropout)
        self.attention_norm = nn.LayerNorm(config.dim)
        self.attention = attention(config.dim, config.num_heads, config.attention_dropout)
        self.convolution = Convolution(config)
        self.second = FeedForward(config.dim, config.feed_forward_dim, config.dropout)
        self.norm = nn.LayerNorm(config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, frames: Tensor, padding: Tensor | None, positions: Tensor) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        frames = torch.add(frames, self.first(frames), alpha=0.5)
        frames = frames + self.dropout(self.attention(self.attention_norm(frames), padding, positions))
        frames = frames + self.convolution(frames, padding)
        frames = torch.add(frames, self.second(frames), alpha=0.5)
        out: Tensor = self.norm(frames)
        return out


class Conformer(nn.Module):
    """Features -> convolutional subsampling -> blocks."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.dim = config.dim
        self.num_layers = config.num_layers
        self.num_bins = config.num_bins
        self.subsampling: int = config.subsampling
        self.frontend = ConvSubsampling(config.num_bins, config.dim, config.subsampling, config.channels)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """Encoded frames of so many feature frames: a function of the utterance alone."""
        return self.frontend.num_encoded(num_frames)

    def embed(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, F), (B,) -> (B, T, D), (B,): the sequence that masking acts on, as long as its longest utterance."""
        lengths = from_host(self.num_encoded, num_frames)
        return cut_to_longest(self.frontend(features, lengths), lengths), lengths

    def contextualise(self, embedded: Tensor, lengths: Tensor, with_layers: bool = False) -> Encoded:
        """(B, T, D), (B,) -> the context of every frame; with every layer's output where asked for."""
        together = self.training and (self.config.conv_norm == "batch" or self.config.layer_drop)
        if together:  # statistics, and blocks left out, are of the whole batch
            return self.over_blocks(embedded, lengths, with_layers)
        return in_groups(self.over_blocks, embedded, lengths, with_layers)

    def over_blocks(self, embedded: Tensor, lengths: Tensor, with_layers: bool) -> Encoded:
        """What `contextualise` gives, with every utterance padded to the longest."""
        time = embedded.shape[1]
        padding = padding_of(lengths, time)
        positions = self.positions(time, embedded)
        frames = self.dropout(embedded * math.sqrt(self.dim) if self.config.positions == "relative" else embedded)
        layers = [frames] if with_layers else []
        # All drawn before the first block, so that dropout inside blocks cannot move ranks' choices apart.
        left_out = [False] * len(self.blocks)
        if not torch.compiler.is_exporting():
            left_out = (torch.rand(len(self.blocks)) < (self.config.layer_drop if self.training else 0.0)).tolist()
        for block, skipped in zip(self.blocks, left_out, strict=True):
            if skipped:
                continue
            if self.config.checkpoint_activations and self.training:
                frames = checkpoint(block, frames, padding, positions, use_reentrant=False)
            else:
                frames = block(frames, padding, positions)
            if with_layers:
                layers.append(frames)
        frames = self.norm(frames)
        if padding is not None:
            frames = frames.masked_fill(padding[:, :, None], 0.0)
        return Encoded(frames, lengths, tuple(layers))

    def forward(self, features: Tensor, num_frames: Tensor, with_layers: bool = False) -> Encoded:
        """(B, S, F), (B,) -> (B, T, D)."""
        return self.contextualise(*self.embed(features, num_frames), with_layers=with_layers)

    def positions(self, time: int, like: Tensor) -> Tensor:
        """The table that this encoder's attention wants for so many frames."""
        if self.config.positions == "relative":
            return relative_positions(time, self.dim, like.device).to(like.dtype)
        return rotary_positions(time, self.dim // self.config.num_heads, like.device)
