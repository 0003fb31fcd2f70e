"""Continuous frames become codes: BEST-RQ's fixed random projection, and wav2vec 2.0's learned Gumbel codebooks.

Shapes: N frames, F their width, G groups (codebooks), V codes in each.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from masr.maths.products import product

_BLOCK_BYTES = 1 << 21
"""Scores of a block of frames against all codes stay in a core's cache."""
_COLUMNS = 128


class RandomProjection(nn.Module):
    """BEST-RQ (2202.01855, section 3.1): a fixed Xavier projection, then the nearest of fixed unit codes.

    Nothing here is trained; the buffers are saved with the model, because the labels mean nothing without them.
    """

    projection: Tensor
    codes: Tensor

    def __init__(self, width: int, code_dim: int, num_codes: int, num_codebooks: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        projection = torch.empty(num_codebooks, width, code_dim)
        for book in projection:
            nn.init.xavier_uniform_(book, generator=generator)
        codes = torch.randn(num_codebooks, num_codes, code_dim, generator=generator)
        self.register_buffer("projection", projection)
        self.register_buffer("codes", functional.normalize(codes, dim=-1))

    @torch.no_grad()
    def forward(self, frames: Tensor) -> Tensor:
        """(N, F) -> (N, G) int64 labels, in float32 whatever the model computes in: they must not depend on that."""
        with torch.autocast(frames.device.type, enabled=False):
            pairs = zip(self.projection, self.codes, strict=True)
            return torch.stack([self.nearest(product(frames.float(), book.t()), codes) for book, codes in pairs], dim=1)

    @staticmethod
    def nearest(projected: Tensor, codes: Tensor) -> Tensor:
        """(N, C), (V, C) of unit length -> (N,): the code of largest cosine, whatever the length of the frame."""
        if projected.is_cuda:
            block = max(1, (1 << 28) // (4 * len(codes)))
        else:
            block = max(1, _BLOCK_BYTES // (4 * len(codes)))
        labels = [_best(product(rows, codes)) for rows in torch.split(projected, block)]
        return torch.cat(labels) if labels else torch.empty(0, dtype=torch.int64, device=projected.device)


def _best(scores: Tensor) -> Tensor:
    """(N, V) -> (N,) place of the largest. In two steps on a CPU, whose argmax is ten times as slow as its maximum."""
    num_codes = scores.shape[1]
    if not scores.is_cpu or num_codes % _COLUMNS:
        return scores.argmax(dim=1)
    by_column = scores.view(len(scores), num_codes // _COLUMNS, _COLUMNS)
    column = by_column.amax(dim=1).argmax(dim=1)
    rows = by_column[torch.arange(len(scores)), :, column].argmax(dim=1)
    return rows * _COLUMNS + column


class GumbelQuantizer(nn.Module):
    """wav2vec 2.0 (2006.11477, section 2): one code from each of G codebooks, by a straight-through Gumbel softmax.

    Parameter names and arithmetic are those of transformers' Wav2Vec2GumbelVectorQuantizer.
    """

    def __init__(self, width: int, num_groups: int, num_codes: int, dim: int) -> None:
        super().__init__()
        if dim % num_groups:
            raise ValueError(f"the codes' width {dim} must be a multiple of {num_groups} groups")
        self.num_groups, self.num_codes = num_groups, num_codes
        self.scores = nn.Linear(width, num_groups * num_codes)
        self.codes = nn.Parameter(torch.rand(num_groups, num_codes, dim // num_groups))
        nn.init.normal_(self.scores.weight)
        nn.init.zeros_(self.scores.bias)

    def forward(self, frames: Tensor, noise: Tensor | None, temperature: float) -> tuple[Tensor, Tensor, Tensor]:
        """(N, F), (N, G * V) Gumbel noise or None -> (N, D) codes, (N, G) ids, (N, G, V) softmax.

        Without noise the best code is taken, and no gradient passes through the choice.
        """
        logits = self.scores(frames).view(-1, self.num_groups, self.num_codes).float()
        soft = logits.softmax(dim=-1)
        noisy = logits if noise is None else (logits + noise.view_as(logits)) / temperature
        chosen = noisy.argmax(dim=-1)
        hard = functional.one_hot(chosen, self.num_codes).to(frames.dtype)
        if noise is not None:
            relaxed = noisy.softmax(dim=-1).to(frames.dtype)
            hard = hard - relaxed.detach() + relaxed
        codes = torch.einsum("ngv,gvd->ngd", hard, self.codes.to(frames.dtype))
        return codes.flatten(1), chosen, soft
