"""The Transformer (1706.03762): both ways, or seeing one side only as APC needs it.

With `front_end: waveform` and `positions: convolutional` it is wav2vec 2.0's network: `norm: post` its base model's,
`norm: pre` its large one's.

Shapes: B utterances, T encoded frames, D model width, H heads, K = D / H.
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
from masr.errors import ConfigError
from masr.models.attention import relative_positions, rotary_positions, rotate
from masr.models.by_length import in_groups
from masr.models.frontend import (
    KIND_DOC,
    SUBSAMPLING_DOC,
    WAVEFORM_NORM_DOC,
    Kind,
    Subsampling,
    WaveformNorm,
    build_front_end,
    check_front_end,
    embedded,
)
from masr.models.limits import check_numbers
from masr.models.padding_mask import at_least_one, padding_of, zero_past_end
from masr.models.two_sided import TwoSided
from masr.types import Encoded


@dataclass(frozen=True)
class Config:
    """The size of the RNN that APC compares it with: three layers, 512 wide."""

    num_bins: int = option(80, "width of a feature frame; of no effect on waveforms")
    dim: int = option(512, "model width")
    num_layers: int = option(3, "blocks")
    num_heads: int = option(8, "attention heads")
    feed_forward_dim: int = option(2048, "inner width of the feed-forward modules")
    context: Literal["both", "past", "future", "apart"] = option(
        "both", "the side that a frame sees, itself with it; apart: one network for each side, half as wide"
    )
    positions: Literal["sinusoidal", "learned", "rotary", "convolutional"] = option(
        "sinusoidal", "how a frame's place is told; convolutional as wav2vec 2.0 has it"
    )
    norm: Literal["pre", "post"] = option("pre", "layer norm before each module, or after it as the paper has it")
    front_end: Kind = option("linear", KIND_DOC)
    subsampling: Subsampling = option(1, SUBSAMPLING_DOC)
    waveform_norm: WaveformNorm = option("layer", WAVEFORM_NORM_DOC)
    max_frames: int = option(3000, "encoded frames that learned positions reach")
    position_kernel: int = option(128, "encoded frames that convolutional positions see")
    position_groups: int = option(16, "groups of that convolution")
    dropout: float = option(0.1, "on every module's output")
    attention_dropout: float = option(0.0, "on attention weights")
    layer_drop: float = option(0.0, "share of blocks left out of a training step")
    checkpoint_activations: bool = option(False, "recompute each block in the backward pass: slower, less memory")

    def __post_init__(self) -> None:
        check_numbers(self)
        check_front_end(self.front_end, self.subsampling)
        if self.context == "apart" and self.dim % 2:
            raise ValueError("dim must be even where the context is apart: half of it belongs to each direction")
        width = self.dim // 2 if self.context == "apart" else self.dim
        if width % self.num_heads or (width // self.num_heads) % 2:
            raise ValueError("dim, or half of it where the context is apart, must be num_heads times an even number")
        if self.positions == "convolutional" and width % self.position_groups:
            raise ValueError("dim must be a multiple of position_groups")


def build(config: Config) -> Transformer | TwoSided:
    """The encoder with fresh weights."""
    return TwoSided(config, build) if config.context == "apart" else Transformer(config)


class SelfAttention(nn.Module):
    """Multi-head attention on the fused kernel."""

    def __init__(self, dim: int, num_heads: int, dropout: float) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, frames: Tensor, keep: Tensor | None, causal: bool, rotary: Tensor | None) -> Tensor:
        """(B, T, D), (B, 1, 1 or T, T) true where seen, (2, T, K) -> (B, T, D)."""
        batch, time, dim = frames.shape
        heads = self.num_heads
        query, key, value = self.qkv(frames).view(batch, time, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        if rotary is not None:
            query, key = rotate(query, rotary), rotate(key, rotary)
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(query, key, value, keep, dropout, is_causal=causal)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, time, dim))
        return out


class Block(nn.Module):
    """Attention, then a feed-forward module, each with its norm before or after."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.pre = config.norm == "pre"
        self.attention = SelfAttention(config.dim, config.num_heads, config.attention_dropout)
        self.attention_norm = nn.LayerNorm(config.dim)
        self.widen = nn.Linear(config.dim, config.feed_forward_dim)
        self.narrow = nn.Linear(config.feed_forward_dim, config.dim)
        self.feed_forward_norm = nn.LayerNorm(config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, frames: Tensor, keep: Tensor | None, causal: bool, rotary: Tensor | None) -> Tensor:
        """(B, T, D) -> (B, T, D)."""
        given = self.attention_norm(frames) if self.pre else frames
        frames = frames + self.dropout(self.attention(given, keep, causal, rotary))
        if not self.pre:
            frames = self.attention_norm(frames)
        given = self.feed_forward_norm(frames) if self.pre else frames
        frames = frames + self.dropout(self.narrow(self.dropout(functional.gelu(self.widen(given)))))
        out: Tensor = frames if self.pre else self.feed_forward_norm(frames)
        return out


class PositionConvolution(nn.Module):
    """wav2vec 2.0's positions: a wide grouped convolution whose output is added to the frames."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        kernel, groups = config.position_kernel, config.position_groups
        before = {"both": kernel // 2, "past": kernel - 1, "future": 0}[config.context]
        self.around = (before, kernel - 1 - before)
        conv = nn.Conv1d(config.dim, config.dim, kernel, groups=groups)
        nn.init.normal_(conv.weight, std=2 / math.sqrt(kernel * config.dim))
        self.conv = nn.utils.parametrizations.weight_norm(conv, dim=2)

    def forward(self, frames: Tensor) -> Tensor:
        """(B, T, D), zero where padded -> (B, T, D)."""
        return functional.gelu(self.conv(functional.pad(frames.transpose(1, 2), self.around))).transpose(1, 2)


class Transformer(nn.Module):
    """Front end -> positions -> blocks."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.dim = config.dim
        self.num_layers = config.num_layers
        self.num_bins = 1 if config.front_end == "waveform" else config.num_bins
        self.subsampling: int = config.subsampling
        self.front_end = build_front_end(
            config.front_end, config.num_bins, config.dim, config.subsampling, config.waveform_norm
        )
        if config.positions == "learned":
            self.places = nn.Parameter(torch.empty(config.max_frames, config.dim).normal_(std=0.02))
        if config.positions == "convolutional":
            self.place = PositionConvolution(config)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.num_layers))
        self.norm = nn.LayerNorm(config.dim)
        self.dropout = nn.Dropout(config.dropout)

    def num_encoded(self, num_frames: Tensor) -> Tensor:
        """Encoded frames of so many feature frames or samples: a function of the utterance alone."""
        return self.front_end.num_encoded(num_frames)

    def embed(self, features: Tensor, num_frames: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, F) or (B, S), (B,) -> (B, T, D), (B,): the sequence that masking acts on."""
        return embedded(self.front_end, features, num_frames)

    def contextualise(self, embedded: Tensor, lengths: Tensor, with_layers: bool = False) -> Encoded:
        """(B, T, D), (B,) -> the context of every frame; with every layer's output where asked for."""
        if self.training and self.config.layer_drop:  # the same blocks are left out for the whole batch
            return self.over_blocks(embedded, lengths, with_layers)
        return in_groups(self.over_blocks, embedded, lengths, with_layers)

    def over_blocks(self, embedded: Tensor, lengths: Tensor, with_layers: bool) -> Encoded:
        """What `contextualise` gives, with every utterance padded to the longest."""
        frames = self.placed(embedded, lengths)
        frames = self.dropout(self.norm(frames) if self.config.norm == "post" else frames)
        keep, causal = self.seen(frames, lengths)
        rotary = None
        if self.config.positions == "rotary":
            rotary = rotary_positions(frames.shape[1], self.dim // self.config.num_heads, frames.device)
        layers = [frames] if with_layers else []
        for block in self.blocks:
            if self.training and self.config.layer_drop and torch.rand(()) < self.config.layer_drop:
                continue
            if self.config.checkpoint_activations and self.training:
                frames = checkpoint(block, frames, keep, causal, rotary, use_reentrant=False)
            else:
                frames = block(frames, keep, causal, rotary)
            if with_layers:
                layers.append(frames)
        frames = self.norm(frames) if self.config.norm == "pre" else frames
        return Encoded(zero_past_end(frames, lengths), lengths, tuple(layers))

    def forward(self, features: Tensor, num_frames: Tensor, with_layers: bool = False) -> Encoded:
        """(B, S, F), (B,) -> (B, T, D)."""
        return self.contextualise(*self.embed(features, num_frames), with_layers=with_layers)

    def placed(self, embedded: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, D), (B,) -> (B, T, D) with positions added; rotary ones enter in each block instead."""
        kind, time = self.config.positions, embedded.shape[1]
        if kind == "sinusoidal":
            table = relative_positions(time, self.dim, embedded.device)[:time].flip(0)
            return embedded * math.sqrt(self.dim) + table.to(embedded.dtype)
        if kind == "convolutional":
            silent = zero_past_end(embedded, lengths)
            frames: Tensor = silent + self.place(silent)
            return frames
        if kind == "learned":
            if time > self.config.max_frames:
                raise ConfigError(
                    f"an utterance has {time} encoded frames, and learned positions reach {self.config.max_frames}",
                    fix=f"set encoder.max_frames to {time} or more, or encoder.positions to sinusoidal or rotary",
                )
            return embedded + self.places[:time]
        return embedded

    def seen(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor | None, bool]:
        """What a frame may attend to, and whether the kernel's own causal mask says it all.

        Looking back, no valid frame sees padding. A padded frame always sees itself, so that none is without a sight.
        """
        time, context = frames.shape[1], self.config.context
        if context == "past":
            return None, True
        padding = padding_of(at_least_one(lengths), time)
        if context == "both":
            return None if padding is None else ~padding[:, None, None], False
        ahead = torch.ones(time, time, dtype=torch.bool, device=frames.device).triu()
        if padding is None:
            return ahead, False
        itself = torch.eye(time, dtype=torch.bool, device=frames.device)
        return (ahead & ~padding[:, None] | itself)[:, None], False
