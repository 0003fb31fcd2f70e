"""Whether two figures rise together over models or checkpoints: Spearman's and Kendall's rank correlations.

Ties share the mean of their ranks (Spearman), or count for neither side (Kendall's tau-b). Intervals are of draws of
points; p is how often a random matching is as far from 0. Few points give wide intervals, which is the truth of them.

Shapes: N points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from masr.errors import AnalysisError

Float64Array = npt.NDArray[np.float64]
DRAWS, LEVEL = 2000, 0.95
_FEWEST = 3


@dataclass(frozen=True)
class Coefficient:
    """One rank correlation, -1 to 1."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, of random matchings of the same values."""


@dataclass(frozen=True)
class Correlation:
    """Of one group of points."""

    group: str
    num_points: int
    spearman: Coefficient
    kendall: Coefficient


def correlate(x: Sequence[float], y: Sequence[float], group: str = "", seed: int = 0) -> Correlation:
    """Both coefficients with their intervals."""
    first, second = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(first) != len(second) or not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise AnalysisError("points need two known figures each")
    name = f"{group}: " if group else ""
    if len(first) < _FEWEST:
        raise AnalysisError(f"{name}{len(first)} points have no correlation", fix=f"give {_FEWEST} or more")
    if len(np.unique(first)) < 2 or len(np.unique(second)) < 2:
        raise AnalysisError(f"{name}a figure that is the same everywhere has no correlation")
    return Correlation(group, len(first), _judged(spearman, first, second, seed), _judged(kendall, first, second, seed))


def spearman(x: Float64Array, y: Float64Array) -> float:
    """Correlation of ranks; NaN where one side is constant."""
    a, b = ranks(x), ranks(y)
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 0 else float("nan")


def kendall(x: Float64Array, y: Float64Array) -> float:
    """Tau-b: pairs in the same order minus pairs in the opposite, over what ties leave; NaN where that is nothing."""
    signs = [np.sign(side[:, None] - side[None]) for side in (x, y)]
    size = float(np.sqrt(np.abs(signs[0]).sum() * np.abs(signs[1]).sum()))
    return float((signs[0] * signs[1]).sum()) / size if size > 0 else float("nan")


def ranks(values: Float64Array) -> Float64Array:
    """(N,) from 1; equal values share the mean of their places."""
    _, numbers, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    found: Float64Array = (last - (counts - 1) / 2)[numbers]
    return found


def _judged(
    measure: Callable[[Float64Array, Float64Array], float], x: Float64Array, y: Float64Array, seed: int
) -> Coefficient:
    random = np.random.default_rng(seed)
    value = measure(x, y)
    drawn = np.array([measure(x[rows], y[rows]) for rows in random.integers(0, len(x), (DRAWS, len(x)))])
    drawn = drawn[~np.isnan(drawn)]  # draws of one point again and again say nothing
    low, high = np.percentile(drawn, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    matched = np.array([measure(x, y[random.permutation(len(y))]) for _ in range(DRAWS)])
    p = (int((np.abs(matched) >= abs(value) - 1e-12).sum()) + 1) / (DRAWS + 1)
    return Coefficient(value, float(low), float(high), p)
