"""Canonical correlations of two representations, from second moments, and what is made of them.

CCA: the mean canonical correlation. SVCCA (Raghu et al., 2017): features scaled to unit deviation, the principal axes
that hold 99 % of the variance, the mean canonical correlation between those. PWCCA (Morcos et al., 2018): correlations
weighted by how much of the first representation their directions account for, so that order matters.

All of it works on correlations of features: canonical correlations do not change with scales, and the matrices are the
better conditioned. A matrix that is singular, because features depend on each other, keeps the axes that it has.

Shapes: D and E widths, R and S the axes that are kept of each, C the fewer of the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from masr.analysis.similarity.second_moments import Moments
from masr.errors import AnalysisError
from masr.types import Float64Array

VARIANCE = 0.99
_SINGULAR = 1e-10
"""Share of the largest eigenvalue; below lies the rounding of float32 features that depend on each other."""


@dataclass(frozen=True, eq=False)
class Whitener:
    """Frames, scaled to unit deviation, times `matrix` are uncorrelated and of unit deviation."""

    matrix: Float64Array
    """(D, R) with uncorrelated columns."""
    root: Float64Array
    """(R, D): `matrix` transposed times the correlations of features."""


@dataclass(frozen=True, eq=False)
class Canonical:
    """Canonical correlations, and what their directions account for."""

    correlations: Float64Array
    """(C,) from the largest."""
    weights: Float64Array
    """(C,) sums over the first's features of the size of their covariance with each direction; they add up to 1."""


def cca(moments: Moments) -> float:
    """Mean canonical correlation, 0 to 1; 1 for the same up to an invertible map."""
    return float(canonical(moments).correlations.mean())


def pwcca(moments: Moments) -> float:
    """Canonical correlations weighted by what they account for in the first representation, 0 to 1."""
    found = canonical(moments)
    return float(found.weights @ found.correlations)


def svcca(moments: Moments, variance: float = VARIANCE) -> float:
    """Mean canonical correlation of the principal axes that hold `variance`, 0 to 1."""
    _refuse(moments)
    xx, yy, xy, _ = _correlations(moments)
    x, y = _principal(xx, variance), _principal(yy, variance)
    _refuse_few(moments, x.shape[1], y.shape[1])
    return float(_singular_values(x.T @ xy @ y).mean())


def canonical(moments: Moments) -> Canonical:
    """All canonical correlations."""
    _refuse(moments)
    xx, yy, xy, deviations = _correlations(moments)
    x, y = _whitener(xx), _whitener(yy)
    _refuse_few(moments, x.matrix.shape[1], y.matrix.shape[1])
    left, correlations, _ = np.linalg.svd(x.matrix.T @ xy @ y.matrix, full_matrices=False)
    weights = np.abs(left.T @ x.root * deviations).sum(axis=1)
    return Canonical(np.clip(correlations, 0, 1), weights / weights.sum())


def _singular_values(matrix: Float64Array) -> Float64Array:
    values: Float64Array = np.clip(np.linalg.svd(matrix, compute_uv=False), 0, 1)
    return values


def _correlations(moments: Moments) -> tuple[Float64Array, Float64Array, Float64Array, Float64Array]:
    """(D, D), (E, E) and (D, E) correlations of features, and (D,) the deviations that the first's were divided by."""
    x, y = np.sqrt(np.diag(moments.xx)), np.sqrt(np.diag(moments.yy))
    return (
        moments.xx / x[:, None] / x,
        moments.yy / y[:, None] / y,
        moments.xy / x[:, None] / y,
        x,
    )


def _whitener(correlations: Float64Array) -> Whitener:
    """A whitener by Cholesky's factor where the matrix is safely regular, by its eigenvectors where it is not."""
    from scipy.linalg import solve_triangular

    try:
        factor = np.linalg.cholesky(correlations)
        inverse = solve_triangular(factor, np.eye(len(factor)), lower=True, check_finite=False)
        # The least that is left of a feature after those before it; the norm of the inverse bounds the rest.
        if np.square(inverse).sum() < 1e-2 / _SINGULAR:
            return Whitener(_double(inverse.T), _double(factor.T))
    except np.linalg.LinAlgError:
        pass
    values, vectors = np.linalg.eigh(correlations)
    kept = values > _SINGULAR * values[-1]
    roots = np.sqrt(values[kept])
    return Whitener(vectors[:, kept] / roots, vectors[:, kept].T * roots[:, None])


def _double(matrix: npt.NDArray[Any]) -> Float64Array:
    return np.asarray(matrix, dtype=np.float64)


def _principal(correlations: Float64Array, variance: float) -> Float64Array:
    """(D, R) whitening axes: the fewest that hold `variance`."""
    values, vectors = np.linalg.eigh(correlations)
    values, vectors = np.maximum(values[::-1], 0), vectors[:, ::-1]
    shares = np.cumsum(values) / values.sum()
    count = int(np.searchsorted(shares, variance * (1 - 1e-12))) + 1
    count = min(count, int((values > _SINGULAR * values[0]).sum()))
    axes: Float64Array = vectors[:, :count] / np.sqrt(values[:count])
    return axes


def _refuse(moments: Moments) -> None:
    """AnalysisError where there are no canonical correlations, or where they are 1 whatever the frames say."""
    for name, own, still in zip(moments.names, (moments.xx, moments.yy), moments.constant):
        if still:
            some = ", ".join(map(str, still[:5])) + (", ..." if len(still) > 5 else "")
            raise AnalysisError(
                f"{name}: {len(still)} of {len(own)} features never move: {some}",
                why="a feature without variance has no correlation",
                fix="leave them out (--drop-constant), or compare by linear_cka",
            )
    for name, own in zip(moments.names, (moments.xx, moments.yy)):
        if moments.num_frames <= len(own):
            raise AnalysisError(
                f"{moments.num_frames} frames are too few for the {len(own)} features of {name}",
                why="then features fit each other perfectly, whatever they are",
                fix="give more frames, ten times the features or more, or compare by linear_cka_unbiased",
            )


def _refuse_few(moments: Moments, rank_x: int, rank_y: int) -> None:
    """AnalysisError for fewer frames than axes of both, unless both are one: some directions agree perfectly then."""
    if moments.num_frames <= rank_x + rank_y and moments.names[0] != moments.names[1]:
        raise AnalysisError(
            f"{moments.num_frames} frames are too few for {rank_x} and {rank_y} axes",
            why="then some directions of the two fit each other perfectly, whatever they are",
            fix="give more frames, or compare by linear_cka_unbiased",
        )


def neuron(moments: Moments) -> Float64Array:
    """(D,) the largest absolute correlation of each feature of the first with any feature of the second."""
    _refuse(moments)
    best: Float64Array = np.clip(np.abs(_correlations(moments)[2]).max(axis=1), 0, 1)
    return best


def procrustes(moments: Moments) -> float:
    """1 - d / 2, d the least squared distance after a rotation of one; 0 to 1, 1 for the same up to rotation, scale.

    Both are centred and of unit Frobenius norm, so that this is the nuclear norm of X'Y.
    """
    sizes = float(np.trace(moments.xx)) * float(np.trace(moments.yy))
    if sizes <= 0:
        raise AnalysisError(f"{' or '.join(moments.names)}: no feature ever moves", why="all its frames are equal")
    return float(np.linalg.svd(moments.xy, compute_uv=False).sum() / np.sqrt(sizes))
