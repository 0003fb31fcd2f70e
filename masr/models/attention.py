"""Self-attention with relative positions (Transformer-XL's) or rotary ones, on fused kernels where they apply.

Shapes: B utterances, T frames, D model width, H heads, K = D / H.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.maths.products import Linear
from masr.models.blockwise import attention, shift


class RelativeAttention(nn.Module):
    """Scores of content and of relative position, as Transformer-XL (1901.02860, section 3.3) adds them.

    Weights and arithmetic are those of ESPnet's RelPositionMultiHeadedAttention, so its checkpoints fit.
    """

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.qkv = Linear(dim, 3 * dim)
        self.position = Linear(dim, dim, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(num_heads, dim // num_heads))
        self.position_bias = nn.Parameter(torch.zeros(num_heads, dim // num_heads))
        self.out = Linear(dim, dim)
        nn.init.xavier_uniform_(self.content_bias)
        nn.init.xavier_uniform_(self.position_bias)

    def forward(self, frames: Tensor, padding: Tensor | None, positions: Tensor) -> Tensor:
        """(B, T, D), (B, T) true where padded, (2T - 1, D) sines from +T-1 down to -(T-1) -> (B, T, D)."""
        batch, time, dim = frames.shape
        heads, width = self.num_heads, dim // self.num_heads
        query, key, value = self.qkv(frames).view(batch, time, 3, heads, width).permute(2, 0, 3, 1, 4)
        relative = self.position(positions).view(2 * time - 1, heads, width).transpose(0, 1)
        scale = 1 / math.sqrt(width)
        by_content = (query + self.content_bias[:, None].to(query.dtype)) * scale
        by_position = (query + self.position_bias[:, None].to(query.dtype)) * scale
        dropout = self.dropout if self.training else 0.0
        mixed = attend(by_content, key, value, padding, dropout, by_position, relative)
        out: Tensor = self.out(mixed)
        return out


class RotaryAttention(nn.Module):
    """Relative positions by rotation of queries and keys (2104.09864): every fused kernel takes it."""

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.qkv = Linear(dim, 3 * dim)
        self.out = Linear(dim, dim)

    def forward(self, frames: Tensor, padding: Tensor | None, positions: Tensor) -> Tensor:
        """(B, T, D), (B, T) true where padded, (2, T, K) cosines and sines -> (B, T, D)."""
        batch, time, dim = frames.shape
        heads = self.num_heads
        query, key, value = self.qkv(frames).view(batch, time, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        query = rotate(query, positions) / math.sqrt(dim // heads)
        dropout = self.dropout if self.training else 0.0
        mixed = attend(query, rotate(key, positions), value, padding, dropout)
        out: Tensor = self.out(mixed)
        return out


def attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding: Tensor | None,
    dropout: float,
    position_query: Tensor | None = None,
    relative: Tensor | None = None,
) -> Tensor:
    """(B, H, T, K) scaled queries, keys, values -> (B, T, D); by position too where given (see `attention`)."""
    # A compiler would unroll the blocks, and do so again for every number of frames.
    way = attention if query.is_cpu and not torch.compiler.is_compiling() else fused
    return way(query, key, value, padding, dropout, position_query, relative)


def fused(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding: Tensor | None = None,
    dropout: float = 0.0,
    position_query: Tensor | None = None,
    relative: Tensor | None = None,
) -> Tensor:
    """`attention` by PyTorch's fused kernel, for accelerators."""
    bias = None
    if position_query is not None and relative is not None:
        bias = shift(torch.matmul(position_query, relative.transpose(1, 2)))
    if padding is not None:
        # A row without any key gets equal shares of all, not NaN.
        hidden = torch.finfo(query.dtype).min
        there = padding[:, None, None]
        bias = (
            query.new_zeros(there.shape).masked_fill(there, hidden) if bias is None else bias.masked_fill(there, hidden)
        )
    mixed = functional.scaled_dot_product_attention(query, key, value, bias, dropout, scale=1.0)
    return mixed.transpose(1, 2).flatten(2)


def rotate(vectors: Tensor, positions: Tensor) -> Tensor:
    """(B, H, T, K) turned by the angle of each frame's place, (2, T, K) cosines and signed sines."""
    cosines, sines = positions.to(vectors.dtype)
    return torch.addcmul(vectors * cosines, vectors.roll(vectors.shape[-1] // 2, dims=-1), sines)


def rotary_positions(time: int, width: int, device: torch.device | None = None) -> Tensor:
    """(2, T, K): cosines, and sines whose first half is negative, as `rotate` wants them."""
    rates = 10000.0 ** -(torch.arange(0, width, 2, device=device, dtype=torch.float32) / width)
    angles = torch.arange(time, device=device, dtype=torch.float32)[:, None] * rates
    cosines, sines = angles.cos(), angles.sin()
    return torch.stack([torch.cat([cosines, cosines], dim=1), torch.cat([-sines, sines], dim=1)])


def relative_positions(time: int, dim: int, device: torch.device | None = None) -> Tensor:
    """(2T - 1, D): interleaved sines and cosines of the relative positions T-1, ..., 0, ..., -(T-1)."""
    rates = torch.exp(torch.arange(0, dim, 2, device=device, dtype=torch.float32) * -(math.log(10000.0) / dim))
    places = torch.arange(time - 1, -time, -1, device=device, dtype=torch.float32)[:, None]
    return torch.stack([(places * rates).sin(), (places * rates).cos()], dim=2).view(2 * time - 1, dim)
