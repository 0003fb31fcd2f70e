"""The nearest of V centres for each frame, ties to the lower number.

Frames and centres are shifted first by the mean of the centres: far from the origin float32 would lose the differences.
All of a frame's squared distances have its own squared length in them, so |c|^2 - 2 x.c is compared: one product, and
the smallest of each row. What is worked out for a block of frames goes into memory that the blocks share.

In halves, the product is of bfloat16, which processors with AMX multiply several times as fast, and those with AVX-512
BF16 twice. Rounding to bfloat16, of the frames, the centres and the products, moves a score by |x| times a constant of
the centres at most (Cauchy and Schwarz). Where the second best is farther off than twice that, no rounding has changed
the label; all other frames are done again in float32. Where many are, the rest of the frames are not tried in halves.

Frames and centres lie on one device, and what comes back does.

Shapes: N frames, B of a block, D their width, V centres.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from masr.maths.products import product

_BLOCK_ELEMENTS = 1 << 20
"""Scores of a block, which stays in a core's cache."""
_BLOCK_ELEMENTS_ELSEWHERE = 1 << 27
"""The same on a GPU, whose blocks have to be large to keep it busy."""
_ROUNDING = 2.0**-8
"""The most that a number changes by rounding to bfloat16, as a share of itself."""
_MOST_CLOSE = 0.25
"""Share of a block's frames: where more are to be done again, float32 alone is faster."""


class Nearest:
    """Centres, made ready to be compared with."""

    def __init__(self, centres: Tensor, halves: bool | None = False) -> None:
        """`halves` None: where the processor multiplies them so much faster that it pays."""
        halves = (centres.is_cpu and _has_amx()) if halves is None else halves
        self.middle = centres.mean(dim=0)
        moved = centres - self.middle
        self.norms, self.twice = moved.square().sum(dim=1), -2 * moved
        self.block = max(1, (_BLOCK_ELEMENTS if centres.is_cpu else _BLOCK_ELEMENTS_ELSEWHERE) // len(centres))
        self.moved = centres.new_empty(self.block, centres.shape[1])
        self.halves = _Halves(moved, self.block) if halves else None

    def __call__(self, frames: Tensor) -> tuple[Tensor, Tensor | None]:
        """(N, D) -> (N,) the number of the nearest centre, (N,) its score, which only float32 tells.

        The score is the squared distance less the squared length of the shifted frame.
        """
        labels = torch.empty(len(frames), dtype=torch.int64, device=frames.device)
        scores, halves = torch.empty(len(frames), device=frames.device), self.halves
        for start in range(0, len(frames), self.block):
            place = slice(start, min(start + self.block, len(frames)))
            rows = torch.sub(frames[place].float(), self.middle, out=self.moved[: place.stop - start])
            if halves is None:
                labels[place], scores[place] = self.whole(rows)
                continue
            labels[place], close = halves(rows)
            again = close.nonzero()[:, 0]
            if len(again):
                labels[start + again] = self.whole(rows[again])[0]
            if len(again) > _MOST_CLOSE * len(rows):
                halves = None
        return labels, None if self.halves else scores

    def whole(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D), shifted -> (B,) labels, (B,) scores, in float32."""
        return _smallest(product(rows, self.twice, self.norms))


class _Halves:
    """Labels by a product of bfloat16, and which of them are not certain."""

    def __init__(self, centres: Tensor, block: int) -> None:
        """`centres`, (V, D), are shifted."""
        self.norms, self.twice = centres.square().sum(dim=1), (-2 * centres).bfloat16()
        lengths, lost = centres.norm(dim=1), (centres + self.twice.float() / 2).norm(dim=1)
        # The frame's rounding, the product's, and float32's own, of sums of D products here and where all is float32.
        width = centres.shape[1]
        share = (2 * _ROUNDING + _ROUNDING**2) * (1 + _ROUNDING) + width * 2.0**-21
        self.reach = 2 * float((lengths * share + lost * (1 + _ROUNDING) ** 2).max())
        self.rounded = centres.new_empty(block, width, dtype=torch.bfloat16)
        self.scores = centres.new_empty(block, len(centres))

    def __call__(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(B, D), shifted -> (B,) labels, (B,) whether another one may be as near."""
        count = len(rows)
        rounded = self.rounded[:count].copy_(rows)
        scores = torch.add(functional.linear(rounded, self.twice), self.norms, out=self.scores[:count])
        labels, best = _smallest(scores)
        scores.scatter_(1, labels[:, None], torch.inf)
        gap = scores.amin(dim=1) - best
        return labels, ~(gap > 2 * self.reach * torch.linalg.vector_norm(rows, dim=1))


def _has_amx() -> bool:
    """Whether the processor multiplies matrices of bfloat16 several times as fast."""
    return bool(torch.cpu.get_capabilities().get("amx_bf16", False))


def _smallest(scores: Tensor) -> tuple[Tensor, Tensor]:
    """(B, V) -> (B,) where the least is, the first of equal ones, (B,) what it is."""
    if scores.is_cpu:  # numpy looks for places several times as fast as PyTorch
        labels = torch.from_numpy(scores.numpy().argmin(axis=1))
        return labels, scores.gather(1, labels[:, None])[:, 0]
    best = scores.amin(dim=1)
    places = torch.arange(scores.shape[1], device=scores.device)
    return torch.where(scores == best[:, None], places, scores.shape[1] - 1).amin(dim=1), best
