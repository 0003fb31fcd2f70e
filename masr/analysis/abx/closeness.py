"""ABX between recordings: how often a snippet lies closer to its own recording than to another.

A, X are two snippets of one recording and B is one of another; the answer is right when d(X, A) < d(X, B), half right
when both are equal. A score of 0.5 is chance: the two cannot be told apart. Every triplet counts, by sorting: the
distances of one X to all A and B are sorted together, and the places of the B's say how many A's lie before them.

Distances are float64 and are rounded to float32 before they are compared, so that snippets that are equal tie whatever
order their products were summed in.

Shapes: R recordings, N snippets of all, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from masr.errors import AnalysisError
from masr.maths.bootstrap import ratio, resample
from masr.maths.estimate import Estimate
from masr.types import Float64Array, FloatArray, IntArray

Distance = Literal["cosine", "euclidean"]

CHANCE = 0.5
FEWEST_DRAWN = 3
"""Recordings, or speakers, that there have to be for an interval: draws of two hold a pair of them, or none."""
_BLOCK_VALUES = 1 << 22
"""Distances that are held at once."""
_SELF = np.float64(np.finfo(np.float32).max)
"""The distance of a snippet to itself, which is no triplet: behind every other."""


@dataclass(frozen=True, eq=False)
class Closeness:
    """ABX scores of every ordered pair of recordings."""

    names: tuple[str, ...]
    num_snippets: IntArray
    """(R,) snippets of each recording."""
    scores: Float64Array
    """(R, R) with A and X of the row, B of the column; NaN on the diagonal and where the row has a single snippet."""
    num_triplets: IntArray
    """(R, R) triplets behind each score."""

    @property
    def both(self) -> Float64Array:
        """(R, R) the mean of both directions; the one that is known where the other is not."""
        pair = np.stack([self.scores, self.scores.T])
        known = ~np.isnan(pair)
        counts = known.sum(0)
        sums = np.where(known, pair, 0.0).sum(0)
        return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def closeness(
    recordings: Sequence[FloatArray], names: Sequence[str] | None = None, distance: Distance = "cosine"
) -> Closeness:
    """Scores of all ordered pairs of recordings, each an array (snippets, D)."""
    names = [str(n) for n in range(len(recordings))] if names is None else list(names)
    points = _points(recordings, names, distance)
    counts = np.array([len(one) for one in recordings], dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    triplets = (counts * (counts - 1))[:, None] * counts[None, :]
    np.fill_diagonal(triplets, 0)
    right = np.zeros(triplets.shape)
    rows = max(1, _BLOCK_VALUES // len(points))
    for i in range(len(recordings)):
        for first in range(int(starts[i]), int(starts[i + 1]), rows):
            last = min(first + rows, int(starts[i + 1]))
            distances = _distances(points, first, last, distance)
            distances[np.arange(last - first), np.arange(first, last)] = _SELF
            own = distances[:, starts[i] : starts[i + 1]]
            for j in range(len(recordings)):
                if j != i:
                    right[i, j] += num_right(own, distances[:, starts[j] : starts[j + 1]])
    scores = np.where(triplets > 0, right / np.maximum(triplets, 1), np.nan)
    return Closeness(tuple(names), counts, scores, triplets)


def num_right(own: Float64Array, other: Float64Array) -> float:
    """Pairs (a, b) of a row with own[a] < other[b], over all rows; equal ones count a half.

    Both are (rows, ...), not negative, and hold float32 values: the last bit of their float64 is free to say which of
    the two a value is from.
    """
    not_behind, tied = _num_before(own, other, 1)
    if not tied:
        return not_behind
    before, _ = _num_before(own, other, 0)
    return (not_behind + before) / 2


def _num_before(own: Float64Array, other: Float64Array, bit: int) -> tuple[int, bool]:
    """Pairs with own <= other (bit 1: of equal values `own` sorts first) or own < other (bit 0); whether any tie."""
    joint = np.concatenate([own, other], axis=1)
    bits = joint.view(np.int64)
    marked = bits[:, own.shape[1] :] if bit else bits[:, : own.shape[1]]
    marked |= 1
    joint.sort(axis=1)
    is_other = (bits & 1) == bit
    places = int(is_other.sum(axis=0) @ np.arange(joint.shape[1]))
    # Some of those that stand before a B are B's themselves.
    pairs = places - len(joint) * (other.shape[1] * (other.shape[1] - 1) // 2)
    return pairs, bool(((bits[:, 1:] ^ bits[:, :-1]) == 1).any())


def mean_closeness(scores: Float64Array, seed: int = 0, chosen: npt.NDArray[np.bool_] | None = None) -> Estimate:
    """The mean over ordered pairs (those `chosen`), of so many pairs; its interval is over recordings.

    A recording that is drawn twice is not compared with itself.
    """
    known = ~np.isnan(scores) if chosen is None else ~np.isnan(scores) & chosen
    np.fill_diagonal(known, False)
    values, there = np.where(known, scores, 0.0), known.astype(np.float64)

    def mean(weights: Float64Array) -> Float64Array:
        return ratio(((weights @ values) * weights).sum(axis=1), ((weights @ there) * weights).sum(axis=1))

    (found,) = resample(mean, len(scores), seed, cells=4 * len(scores), fewest=FEWEST_DRAWN)
    return replace(found, count=int(known.sum()))


def _points(recordings: Sequence[FloatArray], names: Sequence[str], distance: Distance) -> Float64Array:
    """(N, D) float64: of unit length for cosine, around their mean for Euclidean distance."""
    if len(recordings) < 2:
        raise AnalysisError("ABX compares at least two recordings", fix="give another array or label")
    for vectors, name in zip(recordings, names, strict=True):
        if vectors.ndim != 2 or not len(vectors):
            raise AnalysisError(f"{name} has no snippets", fix="choose shorter snippets")
        if vectors.shape[1] != recordings[0].shape[1]:
            raise AnalysisError(
                f"{names[0]} is {recordings[0].shape[1]} wide and {name} is {vectors.shape[1]}",
                fix="give vectors of one model and layer",
            )
    points: Float64Array = np.concatenate(recordings, dtype=np.float64)
    owners = np.repeat(np.arange(len(names)), [len(one) for one in recordings])
    bad = np.flatnonzero(~np.isfinite(points).all(axis=1))
    if len(bad):
        raise AnalysisError(f"{names[owners[bad[0]]]} has values that are no finite numbers")
    if distance == "euclidean":
        points -= points.mean(axis=0)
        return points
    # Scaled first: a square of 1e200 is no number.
    scale = np.abs(points).max(axis=1, keepdims=True)
    if not scale.all():
        raise AnalysisError(
            f"{names[owners[int(scale.argmin())]]} has a snippet that is zero throughout, which has no direction",
            fix="take it out, or compare by --distance euclidean",
        )
    points /= scale
    points /= np.sqrt((points**2).sum(axis=1, keepdims=True))
    return points


def _distances(points: Float64Array, first: int, last: int, distance: Distance) -> Float64Array:
    """(last - first, N) distances from points first to last to all, as float64 that float32 holds exactly."""
    products = points[first:last] @ points.T
    if distance == "cosine":
        found = 1 - products
    else:
        squares = (points**2).sum(axis=1)
        found = squares[first:last, None] + squares - 2 * products
    # Below zero is rounding; zero itself must have no sign, or it would not tie.
    rounded: Float64Array = np.maximum(found, 0.0).astype(np.float32).astype(np.float64)
    return rounded
