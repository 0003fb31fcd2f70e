"""Self-attention with relative positions (Transformer-XL's) or rotary ones, on fused kernels where they apply.

Shapes: B utterances, T frames, D model width, H heads, K = D / H.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class RelativeAttention(nn.Module):
    """Scores of content and of relative position, as Transformer-XL (1901.02860, section 3.3) adds them.

    Weights and arithmetic are those of ESPnet's RelPositionMultiHeadedAttention, so its checkpoints fit.
    """

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.position = nn.Linear(dim, dim, bias=False)
        self.content_bias = nn.Parameter(torch.zeros(num_heads, dim // num_heads))
        self.position_bias = nn.Parameter(torch.zeros(num_heads, dim // num_heads))
        self.out = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.content_bias)
        nn.init.xavier_uniform_(self.position_bias)

    def forward(self, frames: Tensor, padding: Tensor | None, positions: Tensor) -> Tensor:
        """(B, T, D), (B, T) true where padded, (2T - 1, D) sines from +T-1 down to -(T-1) -> (B, T, D)."""
        batch, time, dim = frames.shape
        heads, width = self.num_heads, dim // self.num_heads
        query, key, value = self.qkv(frames).view(batch, time, 3, heads, width).permute(2, 0, 3, 1, 4)
        relative = self.position(positions).view(2 * time - 1, heads, width).permute(1, 2, 0)
        scale = 1 / math.sqrt(width)
        by_position = torch.matmul((query + self.position_bias[:, None]) * scale, relative)
        bias = shift(by_position)
        if padding is not None:
            bias = bias.masked_fill(padding[:, None, None], -math.inf)
        mixed = self.attend(query + self.content_bias[:, None], key, value, bias, scale)
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, time, dim))
        return out

    def attend(self, query: Tensor, key: Tensor, value: Tensor, bias: Tensor, scale: float) -> Tensor:
        """(B, H, T, K) three times, (B, H, T, T) -> (B, H, T, K)."""
        dropout = self.dropout if self.training else 0.0
        if query.is_cuda or not torch.is_grad_enabled():
            return functional.scaled_dot_product_attention(query, key, value, bias, dropout, scale=scale)
        # On a CPU the fused kernel cannot give the bias a gradient; one GEMM that adds into the bias is next best.
        flat = (-1, *query.shape[2:])
        scores = torch.baddbmm(
            bias.reshape(-1, *bias.shape[2:]), query.reshape(flat), key.reshape(flat).transpose(1, 2), alpha=scale
        )
        weights = functional.dropout(scores.softmax(dim=-1), dropout, self.training)
        return torch.bmm(weights, value.reshape(flat)).view_as(query)


def shift(scores: Tensor) -> Tensor:
    """(B, H, T, 2T - 1) by relative position -> a view (B, H, T, T): [i, j] is the score of position i - j."""
    scores = scores.contiguous()
    batch, heads, time, positions = scores.shape
    strides = (scores.stride(0), scores.stride(1), positions - 1, 1)
    return scores.as_strided((batch, heads, time, time), strides, scores.storage_offset() + time - 1)


class RotaryAttention(nn.Module):
    """Relative positions by rotation of queries and keys (2104.09864): every fused kernel takes it."""

    def __init__(self, dim: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.dropout = dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.out = nn.Linear(dim, dim)

    def forward(self, frames: Tensor, padding: Tensor | None, positions: Tensor) -> Tensor:
        """(B, T, D), (B, T) true where padded, (2, T, K) cosines and sines -> (B, T, D)."""
        batch, time, dim = frames.shape
        heads = self.num_heads
        query, key, value = self.qkv(frames).view(batch, time, 3, heads, dim // heads).permute(2, 0, 3, 1, 4)
        keep = None if padding is None else ~padding[:, None, None]
        dropout = self.dropout if self.training else 0.0
        mixed = functional.scaled_dot_product_attention(
            rotate(query, positions), rotate(key, positions), value, keep, dropout
        )
        out: Tensor = self.out(mixed.transpose(1, 2).reshape(batch, time, dim))
        return out


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
