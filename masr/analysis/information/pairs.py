"""Frames of a representation with the symbol each goes with: gathered by time, dealt into training and held-out.

Symbols are labels (one whole number a frame, below 0 where there is none), or frames of another view that clusters turn
into symbols. Whole utterances are held out; an array that names no utterances is cut into stretches instead, because
frames beside each other are alike.

Shapes: N frames, D width, E of the other side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from masr.analysis.aligned import BLOCK_FRAMES, Aligned, adopt_offsets
from masr.errors import AnalysisError
from masr.io.frames import Array, Frames, Grid
from masr.types import FloatArray, IntArray

TRAIN_FRAMES, TEST_FRAMES = 200_000, 100_000
_STRETCH, _STRETCHES = 1000, 50
"""Frames of a stretch at most, and how many of them there are at least."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """Frames with what each goes with, in the order of time."""

    first: FloatArray
    """(N, D) the representation."""
    second: FloatArray
    """(N, E) labels, or the other view."""
    units: IntArray
    """(N,) the number of each frame's utterance, or stretch."""

    def labels(self) -> IntArray:
        """(N,) the only column of the second side as whole numbers."""
        return self.second[:, 0].astype(np.int64)


@dataclass(frozen=True)
class Limits:
    """How many frames are held in memory, drawn uniformly where there are more, and how they are divided."""

    train: int = TRAIN_FRAMES
    test: int = TEST_FRAMES
    share: float = 0.2
    """Share of the utterances that is held out."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.share < 1 or min(self.train, self.test) < 10:
            raise AnalysisError("the held-out share is between 0 and 1, and frames are at least 10")


class PairSource:
    """Frames of a representation beside what they go with, read in pieces that are each of one utterance or stretch."""

    def __init__(
        self, first: Frames, second: Frames, mask: Frames | None = None, has_labels: bool = False, future: int = 0
    ) -> None:
        """With `future`, each frame meets the one of `second` that comes so many frames of `first` after it."""
        parts = [first, second, *([mask] if mask else [])]
        adopt_offsets(parts)
        if future:
            _move(parts, future)
        self.aligned = Aligned(parts)
        self.has_labels, self.has_mask = has_labels, mask is not None
        self.named = self.aligned.parts[0].utts is not None or len(self.aligned.places) > 1
        self.most = BLOCK_FRAMES
        if not self.named:
            self.most = max(1, min(_STRETCH, self.aligned.num_frames // _STRETCHES))

    def __iter__(self) -> Iterator[tuple[int, Array, Array]]:
        """The utterance's number, (N, D) frames and (N, E) what they go with; only frames that count."""
        for number, (row, arrays) in enumerate(self.aligned.pieces(self.most)):
            counts = np.ones(len(arrays[0]), dtype=bool)
            if self.has_mask:
                counts &= (arrays[2] != 0).any(axis=1)
            if self.has_labels:
                counts &= arrays[1][:, 0] >= 0
            yield row if self.named else number, arrays[0][counts], arrays[1][counts]

    def counts(self) -> IntArray:
        """(U,) how many frames of each utterance count."""
        found: dict[int, int] = {}
        for unit, first, _ in self:
            found[unit] = found.get(unit, 0) + len(first)
        return np.array([found.get(unit, 0) for unit in range(max(found, default=-1) + 1)], dtype=np.int64)


def gather(source: PairSource, limits: Limits | None = None) -> tuple[Pairs, Pairs]:
    """Training and held-out pairs."""
    limits = limits or Limits()
    counts = source.counts()
    units = np.flatnonzero(counts)
    if len(units) < 2:
        raise AnalysisError(
            f"the frames that count are of {len(units)} utterances: nothing can be held out",
            why="few frames have a label, or the mask is 0 nearly everywhere" if source.has_labels else "",
            fix="give more speech",
        )
    random = np.random.default_rng(limits.seed)
    num_held = min(len(units) - 1, max(1, round(limits.share * len(units))))
    held = np.zeros(len(counts), dtype=bool)
    held[random.choice(units, num_held, replace=False)] = True
    train, test = (
        _Taken(int(counts[~held].sum()), limits.train, random),
        _Taken(int(counts[held].sum()), limits.test, random),
    )
    for unit, first, second in source:
        (test if held[unit] else train).offer(unit, first, second)
    return train.pairs(), test.pairs()


class _Taken:
    """A uniform draw of frames, taken as they come by."""

    def __init__(self, count: int, most: int, random: np.random.Generator) -> None:
        places = np.arange(count)
        self.places = places if count <= most else np.sort(random.choice(count, most, replace=False))
        self.row = 0
        self.held: list[tuple[FloatArray, FloatArray, IntArray]] = []

    def offer(self, unit: int, first: Array, second: Array) -> None:
        """Takes its share of the next frames."""
        low, high = np.searchsorted(self.places, [self.row, self.row + len(first)])
        rows = self.places[low:high] - self.row
        self.row += len(first)
        if len(rows):
            units = np.full(len(rows), unit, dtype=np.int64)
            self.held.append((first[rows].astype(np.float32), second[rows].astype(np.float32), units))

    def pairs(self) -> Pairs:
        """All frames that were taken."""
        if not self.held:
            raise AnalysisError("no frame counts", why="none has a label, or the mask is 0 everywhere")
        first, second, units = (np.concatenate(side) for side in zip(*self.held))
        for name, side in (("the representation", first), ("the other side", second)):
            if not np.isfinite(side).all():
                raise AnalysisError(f"{name} has NaN or infinite values", fix="make it again")
        return Pairs(first, second, units)


def _move(parts: list[Frames], future: int) -> None:
    """Moves the second representation earlier in time, by `future` frames of the first."""
    if any(part.grid is None for part in parts):
        for part in parts:
            part.grid = Grid(1.0)
    first, second = parts[0].grid, parts[1].grid
    if first is not None and second is not None:
        parts[1].grid = Grid(second.shift_sec, second.start_sec - future * first.shift_sec)
