"""Distances of sequences of frames: dynamic time warping of many pairs at once.

A path goes through both sequences from their first frames to their last, one frame on in one or both at each step. The
cheapest one counts, its cost over its number of steps. Where several are as cheap, a step in both comes first, then one
in the columns: what published tools do, so that figures on discrete units agree with theirs.

Shapes: P pairs; n frames of a pair's first sequence (rows), m of its second (columns).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from masr.errors import AnalysisError
from masr.io.frames import Array
from masr.types import FloatArray, IntArray

FrameDistance = Literal["angular", "cosine", "euclidean", "kl", "kl_symmetric"]

_CHUNK = 4096
"""Pairs that are warped at once: what they need stays in the cache."""
_LARGE = 1 << 18
"""Products with at least so many values go to oneDNN, which is slow to begin on a new shape."""
_EPSILON = 1e-6
"""Added to probabilities before their logarithm."""


def prepared(frames: FloatArray, distance: FrameDistance) -> FloatArray:
    """(T, D) frames prepared for `between`: of unit length for angles. Zeros are at a right angle to all others."""
    if distance in ("angular", "cosine"):
        squares = np.einsum("td,td->t", frames, frames)
        if not bool(
            ((squares > 1e-30) & (squares < 1e30)).all()
        ):  # too small or large to be squared, zero, or no number
            _require_finite(frames)
            scale = np.abs(frames).max(axis=1, keepdims=True)
            frames = (frames / np.where(scale > 0, scale, 1)).astype(np.float32)
            squares = np.maximum(np.einsum("td,td->t", frames, frames), np.finfo(np.float32).tiny)
        units: FloatArray = (frames / np.sqrt(squares)[:, None]).astype(np.float32, copy=False)
        return units
    _require_finite(frames)
    is_share = distance == "euclidean" or bool((frames >= 0).all() and np.allclose(frames.sum(axis=1), 1, atol=1e-3))
    if not is_share:
        raise AnalysisError(
            f"{distance} compares probabilities, and frames are not: some are negative or do not sum to 1",
            fix="take the softmax first, or choose --distance angular",
        )
    return frames


def _require_finite(frames: FloatArray) -> None:
    if not bool(np.isfinite(frames).all()):
        raise AnalysisError("frames hold values that are no finite numbers")


def between(rows: FloatArray, columns: FloatArray, distance: FrameDistance) -> FloatArray:
    """(n, D), (m, D) -> (n, m) distances of prepared frames."""
    if distance in ("angular", "cosine"):
        cosines = np.clip(_product(rows, columns), -1, 1)
        if distance == "cosine":
            return np.subtract(1, cosines, out=cosines)
        angles: FloatArray = np.arccos(cosines, out=cosines)
        angles *= np.float32(1 / np.pi)
        return angles
    # The rest takes differences of large numbers, so in float64.
    x, y = rows.astype(np.float64), columns.astype(np.float64)
    if distance == "euclidean":
        middle = y.mean(axis=0)
        x, y = x - middle, y - middle
        squares = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1) - 2 * x @ y.T
        return _single(np.sqrt(np.maximum(squares, 0)))
    log_x, log_y = np.log(x + _EPSILON), np.log(y + _EPSILON)
    forward = (x * log_x).sum(axis=1)[:, None] - x @ log_y.T
    if distance == "kl":
        return _single(forward)
    backward = (y * log_y).sum(axis=1) - log_x @ y.T
    return _single((forward + backward) / 2)


def _single(values: npt.NDArray[np.float64]) -> FloatArray:
    return values.astype(np.float32)


def _product(rows: FloatArray, columns: FloatArray) -> FloatArray:
    """(n, D), (m, D) -> (n, m) products. Of an array with itself numpy works out half; else oneDNN is faster."""
    if rows is columns or len(rows) * len(columns) < _LARGE:
        return rows @ columns.T
    import torch

    from masr.maths.products import product

    found: FloatArray = product(torch.from_numpy(rows), torch.from_numpy(columns)).numpy()
    return found


@dataclass(frozen=True, eq=False)
class Tables:
    """Frame distances of P pairs: that of row i and column j is values[starts + i * down + j * along]."""

    values: FloatArray
    starts: IntArray
    down: IntArray
    along: IntArray
    n: IntArray
    m: IntArray

    def turned(self, pairs: Array) -> Tables:
        """The tables of some pairs with rows and columns exchanged."""
        down, along, n, m = self.down[pairs], self.along[pairs], self.n[pairs], self.m[pairs]
        return Tables(self.values, self.starts[pairs], along, down, m, n)


def warp(tables: Tables) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """(P,) distances of pairs of sequences, and whether a tie may have made them differ from those of turned pairs."""
    found = np.empty(len(tables.n), dtype=np.float32)
    tied = np.zeros(len(tables.n), dtype=np.bool_)
    by_width = np.argsort(tables.m, kind="stable")
    for low in range(0, len(by_width), _CHUNK):
        pairs = by_width[low : low + _CHUNK]
        pairs = pairs[np.argsort(-tables.n[pairs], kind="stable")]
        found[pairs], tied[pairs] = _warp_chunk(tables, pairs)
    return found, tied


def _warp_chunk(tables: Tables, pairs: Array) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """(P,) distances of pairs sorted by falling height n, so that pairs that have ended lie behind those that go on.

    Widths are nearly the same: what lies beyond a pair's own is worked out and never looked at.
    """
    starts, down, along, n, m = (v[pairs] for v in (tables.starts, tables.down, tables.along, tables.n, tables.m))
    found, tied, width = np.empty(len(n), dtype=np.float32), np.zeros(len(n), dtype=np.bool_), int(m.max())
    costs = np.empty((2, width, len(n)), dtype=np.float32)
    lengths = np.empty((2, width, len(n)), dtype=np.int16 if width + int(n[0]) < 1 << 15 else np.int32)
    rows_left = np.searchsorted(-n, -np.arange(int(n[0]) + 1), side="left")
    for i in range(int(n[0])):
        k, ended = int(rows_left[i]), int(rows_left[i + 1])
        above, here = costs[(i + 1) % 2, :, :k], costs[i % 2, :, :k]
        steps_above, steps = lengths[(i + 1) % 2, :, :k], lengths[i % 2, :, :k]
        places = starts[:k] + i * down[:k]
        for j in range(width):
            tables.values.take(places, out=here[j], mode="clip")
            places += along[:k]
            if i == 0 or j == 0:
                if i or j:
                    here[j] += above[j] if i else here[j - 1]
                steps[j] = i + j + 1
            else:
                two = slice(j - 1, j + 1)
                _step(above[two], here[two], steps_above[two], steps[two], tied[:k])
        last = m[ended:k] - 1, np.arange(ended, k)
        found[ended:k] = here[last] / steps[last]
    return found, tied


def _step(
    above: FloatArray,
    here: FloatArray,
    steps_above: npt.NDArray[np.signedinteger[Any]],
    steps: npt.NDArray[np.signedinteger[Any]],
    tied: npt.NDArray[np.bool_],
) -> None:
    """Fills in one cell of every pair: `above` holds the costs (diagonal, up), `here` (left, this one)."""
    least = np.minimum(here[0], above[1])
    diagonal = above[0] <= least
    tied |= here[0] == above[1]
    straight = np.where(here[0] <= above[1], steps[0], steps_above[1])
    np.add(np.where(diagonal, steps_above[0], straight), 1, out=steps[1])
    here[1] += np.minimum(above[0], least)
