"""Representations of the same speech, frame by frame, brought together by time.

Frames of two representations belong together where their middles are nearest in time, not where their numbers are
equal: encoders differ in rate, and at the ends of an utterance. The coarsest grid leads; of finer ones every n-th frame
is read. What lies outside of one of them is left out.

Shapes: N frames, D width, U utterances, K representations.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from masr.errors import AnalysisError
from masr.io.frames import Array, ArrayFrames, Frames, Grid
from masr.types import FloatArray, IntArray

BLOCK_FRAMES = 8192
_MOST_APART = 3
"""Most frames of the coarser grid that an utterance's lengths may differ by: more is other speech, not edges."""
_EDGE = 1e-6
"""Share of a frame that times may be off by: rounding puts no frame outside."""


class Aligned:
    """Several representations of the same speech; goes through frames that belong together, again and again."""

    def __init__(self, parts: Sequence[Frames]) -> None:
        self.parts = list(parts)
        adopt_offsets(self.parts)
        self.places = _common(self.parts)
        self.num_left_out = sum(len(part.counts) for part in self.parts) - self.places.size
        """Utterances that some lack, counted once in each representation that has them."""
        self.counts = np.stack([part.counts[self.places[:, k]] for k, part in enumerate(self.parts)], axis=1)
        self.grids = self._grids()
        self.leader = int(np.argmax([grid.shift_sec for grid in self.grids]))
        self.first, self.last = self._ranges()
        self.num_frames = int((self.last - self.first).sum())
        if not self.num_frames:
            raise AnalysisError("the representations share no frame", fix="give representations of the same speech")

    def _grids(self) -> list[Grid]:
        """The grid of each representation. Where one has none, all share one, and need equal numbers of frames."""
        grids = [part.grid for part in self.parts if part.grid is not None]
        if len(grids) < len(self.parts):
            self._require_equal_counts()
            return [Grid(1.0)] * len(self.parts)
        durations = self.counts * np.array([grid.shift_sec for grid in grids])
        apart = durations.max(axis=1) - durations.min(axis=1)
        row = int(apart.argmax())
        if apart[row] > _MOST_APART * max(grid.shift_sec for grid in grids):
            low, high = int(durations[row].argmin()), int(durations[row].argmax())
            raise AnalysisError(
                f"{self._where(row)}{self.parts[low].name} lasts {durations[row, low]:.3f} s, "
                f"{self.parts[high].name} {durations[row, high]:.3f} s",
                why="a rate is wrong, or they are of different speech",
                fix="check the rates, and extract all of them from one data directory",
            )
        return grids

    def _require_equal_counts(self) -> None:
        unequal = np.argwhere(self.counts != self.counts[:, :1])
        if not len(unequal):
            return
        row, k = (int(n) for n in unequal[0])
        raise AnalysisError(
            f"{self._where(row)}{self.parts[0].name} has {self.counts[row, 0]} frames, "
            f"{self.parts[k].name} has {self.counts[row, k]}",
            why="their frames are of different rates, or of different speech",
            fix="say how many frames each has a second, and they are matched by time: --rate 100 --rate 50",
        )

    def _ranges(self) -> tuple[IntArray, IntArray]:
        """(U,), (U,) the leader's first frame whose middle is in a frame of all others, and one behind the last."""
        lead = self.grids[self.leader]
        first = np.zeros(len(self.counts), dtype=np.int64)
        last = self.counts[:, self.leader].copy()
        for k, grid in enumerate(self.grids):
            begin = (grid.start_sec - grid.shift_sec / 2 - lead.start_sec) / lead.shift_sec
            ends = begin + self.counts[:, k] * grid.shift_sec / lead.shift_sec
            first = np.maximum(first, np.ceil(begin - _EDGE).astype(np.int64))
            last = np.minimum(last, np.ceil(ends - _EDGE).astype(np.int64))
        return first, np.maximum(first, last)

    def _where(self, row: int) -> str:
        utts = self.parts[0].utts
        return f"{utts[int(self.places[row, 0])]}: " if utts is not None else ""

    def pieces(self, most: int = BLOCK_FRAMES) -> Iterator[tuple[int, list[Array]]]:
        """The row of an utterance, and K arrays of its frames that belong together, at most so many at once."""
        lead = self.grids[self.leader]
        for row, places in enumerate(self.places):
            whole = [part.read(int(place)) for part, place in zip(self.parts, places, strict=True)]
            for start in range(int(self.first[row]), int(self.last[row]), most):
                stop = min(start + most, int(self.last[row]))
                times = lead.start_sec + np.arange(start, stop) * lead.shift_sec
                yield row, [_taken(frames, grid, lead, times, start) for frames, grid in zip(whole, self.grids)]

    def __iter__(self) -> Iterator[list[FloatArray]]:
        """K float32 arrays with the same frames, a block at a time."""
        held: list[list[Array]] = []
        count = 0
        for _, arrays in self.pieces():
            if count and count + len(arrays[0]) > BLOCK_FRAMES:
                yield _joined(held)
                held, count = [], 0
            held.append(arrays)
            count += len(arrays[0])
        if held:
            yield _joined(held)

    def sample(self, most: int, seed: int) -> list[FloatArray]:
        """K float32 arrays of the same frames, at most so many, drawn uniformly and kept in order."""
        chosen = np.arange(self.num_frames)
        if most < self.num_frames:
            chosen = np.sort(np.random.default_rng(seed).choice(self.num_frames, most, replace=False, shuffle=False))
        found: list[list[Array]] = []
        row = 0
        for arrays in self:
            low, high = np.searchsorted(chosen, [row, row + len(arrays[0])])
            found.append([array[chosen[low:high] - row] for array in arrays])
            row += len(arrays[0])
        return _joined(found)


def _taken(frames: Array, grid: Grid, lead: Grid, times: Array, start: int) -> Array:
    if grid == lead:
        return frames[start : start + len(times)]
    nearest = np.floor((times - grid.start_sec) / grid.shift_sec + 0.5 + _EDGE).astype(np.int64)
    taken: Array = frames[np.clip(nearest, 0, len(frames) - 1)]
    return taken


def _joined(held: list[list[Array]]) -> list[FloatArray]:
    columns = zip(*held)
    return [
        np.asarray(column[0] if len(column) == 1 else np.concatenate(column), dtype=np.float32) for column in columns
    ]


def adopt_offsets(parts: list[Frames]) -> None:
    """A plain array with as many frames as a folder, and no rate of its own, is of the folder's utterances."""
    named = next((part for part in parts if part.utts is not None), None)
    if named is None:
        return
    for k, part in enumerate(parts):
        plain = isinstance(part, ArrayFrames) and part.utts is None and part.grid is None and len(part.counts) == 1
        if plain and isinstance(part, ArrayFrames) and int(part.counts[0]) == int(named.counts.sum()):
            offsets = np.concatenate([[0], np.cumsum(named.counts)])
            parts[k] = ArrayFrames(part.name, part.frames, offsets, named.utts)
            parts[k].grid = named.grid


def _common(parts: Sequence[Frames]) -> IntArray:
    """(U, K) the row of each utterance that all have, in each of them."""
    if any(part.utts is None for part in parts):
        if len({len(part.counts) for part in parts}) > 1 or any(part.utts is not None for part in parts):
            raise AnalysisError(
                "an array does not say which utterances its frames are of, and the folder beside it has several",
                fix="give folders that masr extract wrote, or arrays only",
            )
        return np.repeat(np.arange(len(parts[0].counts))[:, None], len(parts), axis=1)
    tables = [{utt: place for place, utt in enumerate(part.utts or ())} for part in parts]
    shared = [utt for utt in tables[0] if all(utt in table for table in tables[1:])]
    if not shared:
        raise AnalysisError(
            f"{parts[0].name} and {parts[-1].name} have no utterance in common",
            fix="extract both from one data directory",
        )
    return np.array([[table[utt] for table in tables] for utt in shared], dtype=np.int64)
