"""Where speech changes, found on its frames without labels: the peaks of how unlike both sides of a border are.

Shapes: T frames, D width, N borders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from masr.errors import UsageError
from masr.io.frames import Array, Grid
from masr.types import Float64Array, IntArray

_FLAT = 1e-12


@dataclass(frozen=True)
class Detector:
    """How borders are found; each is an option of `masr analyse segments`."""

    side_sec: float = 0.02
    """Speech on either side of a border that is compared: the mean of its frames."""
    prominence: float = 0.3
    """How far a peak rises above its valleys at least, in standard deviations of the utterance's curve."""
    least_sec: float = 0.03
    """Shortest segment."""

    def __post_init__(self) -> None:
        if not (self.side_sec > 0 and self.least_sec > 0 and self.prominence >= 0):
            raise UsageError("--side-sec and --least-sec are above 0, and --prominence is not negative")


def change(frames: Array, width: int) -> Float64Array:
    """(T, D) -> (T - 1,) 1 less the cosine of the means of up to `width` frames before and behind each border."""
    time = len(frames)
    borders = np.arange(1, time)
    sums = np.concatenate([np.zeros((1, frames.shape[1])), np.cumsum(frames.astype(np.float64), axis=0)])
    first, last = np.maximum(borders - width, 0), np.minimum(borders + width, time)
    before = (sums[borders] - sums[first]) / (borders - first)[:, None]
    behind = (sums[last] - sums[borders]) / (last - borders)[:, None]
    lengths = np.linalg.norm(before, axis=1) * np.linalg.norm(behind, axis=1)
    dots = (before * behind).sum(axis=1)
    found: Float64Array = np.where(lengths > _FLAT, 1 - dots / np.maximum(lengths, _FLAT), 0.0)
    return found


def standardised(frames: Array) -> Float64Array:
    """(T, D) -> (T, D) with mean 0 and, where it varies, variance 1 in each dimension."""
    centred = frames.astype(np.float64) - frames.mean(axis=0, dtype=np.float64)
    spread = centred.std(axis=0)
    found: Float64Array = centred / np.where(spread > _FLAT, spread, 1.0)
    return found


def borders_of(frames: Array, grid: Grid, detector: Detector) -> IntArray:
    """(T, D) -> (N,) the frames, in order, that segments begin with; the first of the utterance is not among them."""
    from scipy.signal import find_peaks

    if len(frames) < 4:
        return np.zeros(0, dtype=np.int64)
    curve = change(standardised(frames), max(1, round(detector.side_sec / grid.shift_sec)))
    spread = float(curve.std())
    if spread <= _FLAT:
        return np.zeros(0, dtype=np.int64)
    distance = max(1, round(detector.least_sec / grid.shift_sec))
    peaks, _ = find_peaks(curve, prominence=detector.prominence * spread, distance=distance)
    found: IntArray = peaks.astype(np.int64) + 1
    return found[found >= distance]


def hits(found: Float64Array, true: Float64Array, tolerance: float) -> int:
    """How many of (N,) found and (M,) true times lie that near, each counted once, the nearest pairs first."""
    apart = np.abs(found[:, None] - true[None])
    left, right = np.nonzero(apart <= tolerance)
    order = np.argsort(apart[left, right], kind="stable")
    is_free = np.ones(len(found), dtype=bool), np.ones(len(true), dtype=bool)
    count = 0
    for place in order.tolist():
        if is_free[0][left[place]] and is_free[1][right[place]]:
            is_free[0][left[place]] = is_free[1][right[place]] = False
            count += 1
    return count


@dataclass(frozen=True)
class Agreement:
    """Found borders beside those of an alignment."""

    num_hits: int
    num_found: int
    num_true: int

    @property
    def precision(self) -> float:
        """Share of the found borders that are true."""
        return self.num_hits / self.num_found if self.num_found else 0.0

    @property
    def recall(self) -> float:
        """Share of the true borders that are found."""
        return self.num_hits / self.num_true if self.num_true else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    @property
    def r_value(self) -> float:
        """As F1, but finding too many borders does not pay (Räsänen, Laine and Altosaar, 2009)."""
        over = self.num_found / self.num_true - 1 if self.num_true else 0.0
        ideal = np.hypot(1 - self.recall, over)
        line = abs(-over + self.recall - 1) / np.sqrt(2)
        return float(1 - (ideal + line) / 2)
