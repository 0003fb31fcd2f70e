"""Whether two figures rise together over models or checkpoints: Spearman's and Kendall's rank correlations.

Ties share the mean of their ranks (Spearman), or count for neither side (Kendall's tau-b). Both are scipy's.
Their intervals are of points drawn again, and p is how often another matching of the same values is as far from 0: over
all matchings where there are no more than eight points, which makes it exact, else over random ones. scipy would have
to be called thousands of times, a millisecond each, so all draws are ranked at once, by how often each point is in
them. Few points give wide intervals, which is the truth of them.

Shapes: N points; R draws, or matchings.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, permutations
from typing import Any

import numpy as np

from masr.errors import AnalysisError
from masr.maths.bootstrap import Figures, estimate, ratio, under_draws
from masr.maths.estimate import Estimate
from masr.types import Float64Array, IntArray

_MATCHINGS = 2000
_MOST_POINTS_EXACT = 8
_FEWEST = 3
_MOST_CELLS = 1 << 22
"""Numbers of a block of matchings that are held at a time."""


@dataclass(frozen=True, kw_only=True)
class Coefficient(Estimate):
    """One rank correlation, -1 to 1."""

    p: float
    """Two-sided, of matchings of the same values: exact with eight points or fewer."""

    def as_json(self, value: str = "value", count: str = "count") -> dict[str, Any]:
        """With p."""
        return {**super().as_json(value, count), "p": self.p}


@dataclass(frozen=True)
class Correlation:
    """Both rank correlations of one group of points."""

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
    return Correlation(
        group,
        len(first),
        _judged(
            spearman(first, second), spearman_of_draws(first, second), _ranks_matched(first, second), len(first), seed
        ),
        _judged(
            kendall(first, second), kendall_of_draws(first, second), _signs_matched(first, second), len(first), seed
        ),
    )


def spearman(x: Float64Array, y: Float64Array) -> float:
    """Correlation of ranks; both sides have to have two different values."""
    from scipy.stats import spearmanr

    return float(spearmanr(x, y).statistic)


def kendall(x: Float64Array, y: Float64Array) -> float:
    """Tau-b: pairs in the same order less pairs in the opposite, over what ties leave."""
    from scipy.stats import kendalltau

    return float(kendalltau(x, y).statistic)


def spearman_of_draws(x: Float64Array, y: Float64Array) -> Figures:
    """Spearman's coefficient of each draw of the points; NaN where a draw has one value alone."""
    sides = [_by_value(side) for side in (x, y)]

    def figure(weights: Float64Array) -> Float64Array:
        # The ranks of any draw of N points have the mean (N + 1) / 2.
        a, b = (_weighted_ranks(weights, *side) - (len(x) + 1) / 2 for side in sides)
        return ratio(
            (weights * a * b).sum(axis=1), np.sqrt((weights * a**2).sum(axis=1) * (weights * b**2).sum(axis=1))
        )

    return figure


def kendall_of_draws(x: Float64Array, y: Float64Array) -> Figures:
    """Tau-b of each draw of the points; NaN where a draw has one value alone."""
    signs = _signs(x), _signs(y)
    both, *each = signs[0] * signs[1], np.abs(signs[0]), np.abs(signs[1])

    def figure(weights: Float64Array) -> Float64Array:
        agreeing, *sizes = (((weights @ pairs) * weights).sum(axis=1) for pairs in (both, *each))
        return ratio(agreeing, np.sqrt(sizes[0] * sizes[1]))

    return figure


def _judged(
    value: float, figure: Figures, matched: Callable[[IntArray], Float64Array], count: int, seed: int
) -> Coefficient:
    found = estimate(value, under_draws(figure, count, seed, cells=6 * count))
    extreme = sum(int((np.abs(matched(places)) >= abs(value) - 1e-12).sum()) for places in _matchings(count, seed))
    exact = count <= _MOST_POINTS_EXACT
    p = extreme / math.factorial(count) if exact else (extreme + 1) / (_MATCHINGS + 1)
    return Coefficient(found.value, found.low, found.high, p=p)


def _matchings(count: int, seed: int) -> Iterator[IntArray]:
    """(R, N) orders of the points, a block at a time: all that there are of a few points, else random ones."""
    random, step = np.random.default_rng(seed), max(1, _MOST_CELLS // count**2)
    if count <= _MOST_POINTS_EXACT:
        orders = permutations(range(count))
        while block := list(islice(orders, step)):
            yield np.array(block, dtype=np.int64)
        return
    for start in range(0, _MATCHINGS, step):
        rows = np.tile(np.arange(count), (min(step, _MATCHINGS - start), 1))
        yield random.permuted(rows, axis=1)


def _ranks_matched(x: Float64Array, y: Float64Array) -> Callable[[IntArray], Float64Array]:
    """Spearman's coefficient of x and y in the order of each matching."""
    from scipy.stats import rankdata

    a, b = (rankdata(side) - (len(side) + 1) / 2 for side in (x, y))
    size = np.sqrt((a @ a) * (b @ b))
    return lambda places: b[places] @ a / size


def _signs_matched(x: Float64Array, y: Float64Array) -> Callable[[IntArray], Float64Array]:
    """Tau-b of x and y in the order of each matching."""
    a, b = _signs(x), _signs(y)
    size = np.sqrt(np.abs(a).sum() * np.abs(b).sum())
    return lambda places: np.einsum("ij,rij->r", a, b[places[:, :, None], places[:, None, :]]) / size


def _signs(values: Float64Array) -> Float64Array:
    """(N, N) whether each value is above, level with or below each other one."""
    return np.sign(values[:, None] - values[None])


def _by_value(values: Float64Array) -> tuple[IntArray, IntArray, IntArray]:
    """The order of the points, where in it each value begins, and (N,) which of the values each point has."""
    _, numbers, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.argsort(numbers, kind="stable"), np.cumsum(counts) - counts, numbers


def _weighted_ranks(weights: Float64Array, order: IntArray, starts: IntArray, numbers: IntArray) -> Float64Array:
    """(R, N) the rank of each point in each draw, from 1; equal values share the mean of their places."""
    sizes = np.add.reduceat(weights[:, order], starts, axis=1)
    ranks: Float64Array = (np.cumsum(sizes, axis=1) - (sizes - 1) / 2)[:, numbers]
    return ranks
