"""Centred kernel alignment: how alike two representations see the same pairs of frames.

Linear: |Y'X|^2 / (|X'X| |Y'Y|) with each feature centred (Kornblith et al., 2019), from second moments alone. It does
not change with rotations, reflections and one scale of all features. Of few frames it says too much: two independent
inputs of 8 features and 32 frames have about 0.2. The unbiased form replaces each of the three terms by the unbiased
estimate of the same quantity (Song et al., 2012; Nguyen et al., 2021), which is 0 on average there, and may be below.

RBF: the same of Gaussian kernels, which needs all pairs of frames, so it takes a sample of them. Its width is a share
of the median distance.

Shapes: N frames, D width, K representations, R rows of a block of kernels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from masr.analysis.similarity.second_moments import Moments
from masr.errors import AnalysisError
from masr.maths.products import product
from masr.types import Float64Array, FloatArray

_BLOCK_ROWS = 256
_MEDIAN_FRAMES = 1000
_FEWEST = 4


def linear_cka(moments: Moments) -> float:
    """Linear alignment from 0 to 1; 1 for the same up to rotation and scale."""
    _refuse_still(moments)
    cross = float(np.square(moments.xy).sum())
    return cross / (float(np.linalg.norm(moments.xx)) * float(np.linalg.norm(moments.yy)))


def linear_cka_unbiased(moments: Moments) -> float:
    """Linear alignment without the part that grows as frames get few; around 0, also below, where nothing is shared."""
    _refuse_still(moments)
    own_x, own_y, cross = moments.squares
    x, y, n = float(np.trace(moments.xx)), float(np.trace(moments.yy)), moments.num_frames
    return _ratio(
        _unbiased(float(np.square(moments.xy).sum()), cross, x, y, n),
        _unbiased(float(np.square(moments.xx).sum()), own_x, x, x, n),
        _unbiased(float(np.square(moments.yy).sum()), own_y, y, y, n),
        n,
    )


def _unbiased(product_sum: float, squares: float, x: float, y: float, n: int) -> float:
    """n (n - 3) times the unbiased estimate: kernels without their diagonals, about the means."""
    if n < _FEWEST:
        raise AnalysisError(f"{n} frames allow no unbiased estimate", fix=f"give at least {_FEWEST} frames")
    return product_sum - n / (n - 2) * squares + x * y / ((n - 1) * (n - 2))


def _ratio(cross: float, x: float, y: float, n: int) -> float:
    if x <= 0 or y <= 0:
        raise AnalysisError(
            f"{n} frames are too few for an unbiased estimate", why="its denominator is not above 0", fix="give more"
        )
    return float(cross / np.sqrt(x * y))


def _refuse_still(moments: Moments) -> None:
    for name, own, still in zip(moments.names, (moments.xx, moments.yy), moments.constant):
        if len(still) == len(own):
            raise AnalysisError(f"{name}: no feature ever moves", why="all its frames are equal")


@dataclass(frozen=True, eq=False)
class Kernels:
    """Sums over all pairs of N frames of K kernels: what RBF alignment is made of."""

    num_frames: int
    products: Float64Array
    """(K, K) sums of products of two kernels."""
    rows: Float64Array
    """(K, N) sums of the rows of each kernel."""

    def alignment(self, i: int, j: int, unbiased: bool) -> float:
        """The alignment of kernels i and j; unbiased leaves out pairs of a frame with itself, whose kernel is 1."""
        n = self.num_frames

        def dependence(a: int, b: int) -> float:
            own = 1.0 if unbiased else 0.0
            rows_a, rows_b = self.rows[a] - own, self.rows[b] - own
            total, shared, both = self.products[a, b] - n * own, float(rows_a @ rows_b), rows_a.sum() * rows_b.sum()
            if unbiased:
                return float(total - 2 / (n - 2) * shared + both / ((n - 1) * (n - 2)))
            return float(total - 2 / n * shared + both / n**2)

        return _ratio(dependence(i, j), dependence(i, i), dependence(j, j), n)


def rbf_kernels(frames: Sequence[FloatArray], width: float, names: Sequence[str]) -> Kernels:
    """Gaussian kernels of K representations of the same N frames; `width` is a share of the median distance."""
    n = len(frames[0])
    if n < _FEWEST:
        raise AnalysisError(f"{n} frames are too few for kernels", fix=f"give at least {_FEWEST} frames")
    centred = [np.ascontiguousarray(x - x.mean(axis=0, dtype=np.float64), dtype=np.float32) for x in frames]
    norms = [np.einsum("ij,ij->i", x, x) for x in centred]
    scales = [_scale(x, width, name) for x, name in zip(centred, names, strict=True)]
    products, rows = np.zeros((len(frames), len(frames))), np.zeros((len(frames), n))
    for start in range(0, n, _BLOCK_ROWS):
        block = slice(start, start + _BLOCK_ROWS)
        kernels = np.empty((len(frames), len(norms[0][block]), n), dtype=np.float32)
        for k, (x, squares, scale) in enumerate(zip(centred, norms, scales)):
            near = product(torch.from_numpy(x[block]), torch.from_numpy(x)).numpy()
            distances = np.maximum(squares[block, None] + squares[None] - 2 * near, 0)
            distances[np.arange(len(distances)), np.arange(start, start + len(distances))] = 0
            np.exp(distances * -scale, out=kernels[k])
        rows[:, block] = kernels.sum(axis=2, dtype=np.float64)
        products += np.einsum("irn,jrn->ijr", kernels, kernels, optimize=True).sum(axis=2, dtype=np.float64)
    return Kernels(n, products, rows)


def _scale(frames: FloatArray, width: float, name: str) -> np.float32:
    """1 / (2 width^2), `width` in median distances between frames of an even selection."""
    some = frames[np.linspace(0, len(frames) - 1, min(len(frames), _MEDIAN_FRAMES)).astype(np.int64)].astype(np.float64)
    squares = np.einsum("ij,ij->i", some, some)
    distances = squares[:, None] + squares[None] - 2 * some @ some.T
    median = float(np.median(distances[np.triu_indices(len(some), 1)]))
    if not median > 0:
        raise AnalysisError(f"{name}: most of its frames are equal, so there is no width for kernels")
    return np.float32(1 / (2 * width**2 * median))
