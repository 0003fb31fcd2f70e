"""Frames of a recording, as they stream by, become one vector for each snippet of so many seconds.

A frame belongs to the snippet that its middle lies in. A snippet that lacks more than a tenth of its frames, as the
last one of a recording does, is left out. Nothing but the snippet that is open is held.

Shapes: N frames, D width, S snippets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from masr.errors import AnalysisError
from masr.io.datadir import DataDir
from masr.io.frames import Array, ArrayFrames, Frames, Grid, load_array
from masr.io.layout import EMBEDDINGS
from masr.io.progress import track
from masr.types import Float64Array, FloatArray

Pool = Literal["max", "mean", "statistics", "extremes", "soft_max"]
"""How frames become one vector. `statistics` is their mean and, behind it, their standard deviation; `extremes` the
maximum and the minimum; `soft_max`, log(mean(exp)), lies between mean and maximum: a peak counts the less the longer
the snippet is."""
_TWICE_AS_WIDE: tuple[Pool, ...] = ("statistics", "extremes")

WHOLE = float("inf")
"""The length of a snippet that is a whole utterance."""
_PIECE = 8192
_LEAST_SHARE = 0.9
_EDGE = 1e-9
"""Share of a snippet that times may be off by: rounding moves no frame into the next snippet."""


class _Open:
    """The snippet that frames are being added to, as two vectors: maximum and minimum, or mean and sum of squares.

    For `soft_max` they are the maximum and the sum of exp(frame - maximum), which never overflows.
    """

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.count = 0
        self.first = self.second = np.zeros(0)

    def add(self, frames: Array) -> None:
        """Takes in (n, D) more frames of the snippet."""
        count, self.count = self.count, self.count + len(frames)
        frames = frames.astype(np.float64)
        if self.pool in ("max", "extremes", "soft_max"):
            self._add_ends(frames, count > 0)
            return
        mean = frames.mean(axis=0)
        spread = ((frames - mean) ** 2).sum(axis=0)
        if count:
            # Means and squares of two parts, joined without going back to the frames (Chan et al., 1979).
            apart = mean - self.first
            mean = self.first + apart * (len(frames) / self.count)
            spread = self.second + spread + apart**2 * (count * len(frames) / self.count)
        self.first, self.second = mean, spread

    def _add_ends(self, frames: Float64Array, has_some: bool) -> None:
        high = frames.max(axis=0)
        if has_some:
            high = np.maximum(self.first, high)
        if self.pool == "extremes":
            low = frames.min(axis=0)
            self.second = np.minimum(self.second, low) if has_some else low
        elif self.pool == "soft_max":
            before = self.second * np.exp(self.first - high) if has_some else 0.0
            self.second = before + np.exp(frames - high).sum(axis=0)
        self.first = high

    def vector(self) -> FloatArray:
        """(D,) or, for statistics and extremes, (2 D,) all frames so far as one vector."""
        parts = [self.first]
        if self.pool == "statistics":
            parts.append(np.sqrt(self.second / self.count))
        elif self.pool == "extremes":
            parts.append(self.second)
        elif self.pool == "soft_max":
            parts = [self.first + np.log(self.second / self.count)]
        return np.concatenate(parts).astype(np.float32)


def cut(pieces: Iterable[Array], grid: Grid, length_sec: float, pool: Pool = "max") -> Iterator[FloatArray]:
    """The vector of each full snippet of one recording, whose frames come as pieces (n, D), one after another."""
    least = _LEAST_SHARE * length_sec / grid.shift_sec if np.isfinite(length_sec) else 1.0
    number, current, start = 0, _Open(pool), 0
    for piece in pieces:
        times = grid.start_sec + grid.shift_sec * np.arange(start, start + len(piece))
        start += len(piece)
        places = np.floor(np.maximum(times / length_sec, 0) + _EDGE).astype(np.int64)
        edges = [0, *(np.flatnonzero(np.diff(places)) + 1), len(piece)]
        for low, high in pairwise(edges):
            if low == high:
                continue
            if places[low] != number:
                if current.count and current.count >= least:
                    yield current.vector()
                number, current = int(places[low]), _Open(pool)
            current.add(piece[low:high])
    if current.count and current.count >= least:
        yield current.vector()


def snippets_of(
    frames: Frames, places: Sequence[int], groups: Sequence[str], lengths_sec: Sequence[float], pool: Pool = "max"
) -> Mapping[float, Mapping[str, FloatArray]]:
    """Length -> recording -> (S, D) vectors of its snippets; every utterance is read once.

    `groups` says which recording each of `places` is of. Utterances are cut one by one, so that what an encoder saw in
    windows is cut within each window.
    """
    grid = frames.grid
    if grid is None:
        if any(np.isfinite(length) for length in lengths_sec):
            raise AnalysisError(
                f"{frames.name}: nobody said how many frames there are in a second", fix="say it: --rate 50"
            )
        grid = Grid(1.0)
    for length in lengths_sec:
        if not length > 2 * grid.shift_sec:
            raise AnalysisError(
                f"snippets of {length:g} s hold fewer than three frames, which are {grid.shift_sec:g} s apart",
                fix="choose longer snippets",
            )
    found: dict[float, dict[str, list[FloatArray]]] = {length: {} for length in lengths_sec}
    for place, group in zip(track(places, frames.name, unit="utterance"), groups, strict=True):
        whole = frames.read(place)
        for length in lengths_sec:
            held = found[length].setdefault(group, [])
            held.extend(cut(_pieces(whole), grid, length, pool))
    width = frames.dim * (2 if pool in _TWICE_AS_WIDE else 1)
    return {
        length: {group: _stacked(vectors, width) for group, vectors in by_group.items()}
        for length, by_group in found.items()
    }


def vectors_of(frames: Frames) -> FloatArray:
    """(S, D) vectors of an array whose rows are snippets already."""
    return np.concatenate([frames.read(place) for place in range(len(frames.counts))]).astype(np.float32)


def open_vectors(folder: Path) -> ArrayFrames:
    """The vectors that `masr extract` wrote, one for each utterance, as utterances of a single frame."""
    data, values = DataDir.open(folder), load_array(folder / EMBEDDINGS)
    if values.ndim != 2 or len(values) != len(data):
        raise AnalysisError(
            f"{folder / EMBEDDINGS} has the shape {values.shape} for {len(data)} utterances",
            fix="run masr extract again",
        )
    return ArrayFrames(str(folder), values, np.arange(len(values) + 1), data.utts)


def _pieces(frames: Array) -> Iterator[Array]:
    for start in range(0, len(frames), _PIECE):
        yield frames[start : start + _PIECE]


def _stacked(vectors: list[FloatArray], width: int) -> FloatArray:
    if not vectors:
        return np.zeros((0, width), dtype=np.float32)
    found: npt.NDArray[np.float32] = np.stack(vectors)
    return found
