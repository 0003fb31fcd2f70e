"""Frames of a representation with the symbol each goes with: gathered by time, dealt into training and held-out.

Symbols are labels (one whole number a frame, below 0 where there is none), or frames of another view that clusters turn
into symbols. Whole utterances, speakers or others are held out; an array that names no utterances is cut into stretches
instead, because frames beside each other are alike.

Shapes: N frames, D width, E of the other side, P pairs of a unit and a class that occur.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from masr.analysis.aligned import BLOCK_FRAMES, Aligned, adopt_offsets
from masr.analysis.information.held_out import UTTERANCE, Counts, hold_out, refuse_rare
from masr.errors import AnalysisError
from masr.io.frames import Array, Frames, Grid
from masr.types import FloatArray, IntArray

TRAIN_FRAMES, TEST_FRAMES = 200_000, 100_000
_STRETCH, _STRETCHES = 1000, 50
"""Frames of a stretch at most, and how many of them there are at least."""
_NO_VALUE = ("", "unknown")


@dataclass(frozen=True, eq=False)
class Pairs:
    """Frames with what each goes with, in the order of time."""

    first: FloatArray
    """(N, D) the representation."""
    second: FloatArray
    """(N, E) labels, or the other view."""
    units: IntArray
    """(N,) the number of each frame's utterance, speaker, ... or stretch: of what is held out whole."""

    def labels(self) -> IntArray:
        """(N,) the only column of the second side as whole numbers."""
        return self.second[:, 0].astype(np.int64)


@dataclass(frozen=True)
class Limits:
    """How many frames are held in memory, drawn uniformly where there are more, and how they are divided."""

    train: int = TRAIN_FRAMES
    test: int = TEST_FRAMES
    share: float | None = None
    """Share of the utterances, speakers, ... that is held out; None is what `held_out.hold_out` takes by itself."""
    seed: int = 0
    testable_only: bool = False
    """Classes of labels that cannot be on both sides are left out however many frames they have."""

    def __post_init__(self) -> None:
        if (self.share is not None and not 0 < self.share < 1) or min(self.train, self.test) < 10:
            raise AnalysisError("the held-out share is between 0 and 1, and frames are at least 10")


@dataclass(frozen=True, eq=False)
class Groups:
    """What is held out whole, in place of utterances: all that have one value of a kind, as one speaker."""

    by: str
    """The kind: `spk`."""
    values: Mapping[str, str]
    """Of each utterance."""

    def numbers(self, utts: Sequence[str]) -> IntArray:
        """(U,) of each utterance the number of its value."""
        found = [self.values.get(utt, "").strip() for utt in utts]
        for utt, value in zip(utts, found, strict=True):
            if value in _NO_VALUE:
                raise AnalysisError(
                    f"{utt} has no {self.by}: it may be on one side or the other",
                    fix=f"complete utt2{self.by}, or say --held-out-by {UTTERANCE}",
                )
        numbers: IntArray = np.unique(found, return_inverse=True)[1].astype(np.int64)
        return numbers


@dataclass(frozen=True)
class HeldOut:
    """How frames were parted into training and held-out ones."""

    by: str
    """What is held out whole: `utterance`, `spk`, ..."""
    num_train: int
    num_test: int
    """How many of them each side has."""
    left_out: tuple[str, ...] = ()
    """Classes that could not be tested."""

    def as_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "by": self.by,
            "train": self.num_train,
            "held_out": self.num_test,
            "left_out": list(self.left_out),
        }


@dataclass(frozen=True, eq=False)
class Split:
    """Training and held-out pairs, and how they were parted."""

    train: Pairs
    test: Pairs
    held_out: HeldOut


class PairSource:
    """Frames of a representation beside what they go with, read in pieces that are each of one utterance or stretch."""

    def __init__(
        self,
        first: Frames,
        second: Frames,
        mask: Frames | None = None,
        names: Sequence[object] | None = None,
        future: int = 0,
        groups: Groups | None = None,
    ) -> None:
        """Without `names`, those of the classes, `second` is a view. `groups` are held out whole, if not utterances.

        With `future`, each frame meets the one of `second` that comes so many frames of `first` after it.
        """
        parts = [first, second, *([mask] if mask else [])]
        adopt_offsets(parts)
        if future:
            _move(parts, future)
        self.aligned = Aligned(parts)
        self.names, self.has_mask = names, mask is not None
        utts = self.aligned.parts[0].utts
        self.named = utts is not None or len(self.aligned.places) > 1
        self.most = BLOCK_FRAMES
        if not self.named:
            self.most = max(1, min(_STRETCH, self.aligned.num_frames // _STRETCHES))
        self.by, self.unit_of_row = UTTERANCE, np.arange(len(self.aligned.places))
        if groups is not None:
            if utts is None:
                raise AnalysisError(
                    f"{first.name} does not say which utterances its frames are of, nor so of which {groups.by}",
                    fix="give a folder that masr extract wrote, or a model with --data",
                )
            self.by = groups.by
            self.unit_of_row = groups.numbers([utts[int(place)] for place in self.aligned.places[:, 0]])

    def __iter__(self) -> Iterator[tuple[int, Array, Array]]:
        """The number of what is held out whole, (N, D) frames and (N, E) what they go with; only frames that count."""
        for number, (row, arrays) in enumerate(self.aligned.pieces(self.most)):
            counts = np.ones(len(arrays[0]), dtype=bool)
            if self.has_mask:
                counts &= (arrays[2] != 0).any(axis=1)
            if self.names is not None:
                counts &= arrays[1][:, 0] >= 0
            yield int(self.unit_of_row[row]) if self.named else number, arrays[0][counts], arrays[1][counts]

    def counts(self) -> Counts:
        """How many frames that count each unit has, of each class where there are labels."""
        units, classes, frames = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=int)]
        for unit, first, second in self:
            labels = second[:, 0] if self.names is not None else np.zeros(len(first), dtype=np.int64)
            found, times = np.unique(labels, return_counts=True)
            units.append(np.full(len(found), unit, dtype=np.int64))
            classes.append(found.astype(np.int64))
            frames.append(times)
        width = len(self.names) if self.names is not None else 1
        pairs, places = np.unique(np.concatenate(units) * width + np.concatenate(classes), return_inverse=True)
        sums = np.bincount(places, weights=np.concatenate(frames), minlength=len(pairs)).astype(np.int64)
        return Counts(pairs // width, pairs % width, sums)


def gather(source: PairSource, limits: Limits | None = None) -> Split:
    """Training and held-out pairs."""
    limits = limits or Limits()
    counts = source.counts()
    left_out = np.zeros(0, dtype=np.int64)
    _require_several(source, counts)
    if source.names is not None:
        if not limits.testable_only:
            refuse_rare(counts, source.names, source.by)
        left_out = counts.rare()
        counts = counts.part(~np.isin(counts.classes, left_out))
        if len(np.unique(counts.classes)) < 2:
            raise AnalysisError(
                f"held out by {source.by}, one class alone can be tested, of which there is nothing to tell",
                fix="give more speech, or other labels",
            )
    random = np.random.default_rng(limits.seed)
    held = hold_out(counts, limits.share, random)
    on_test = held[counts.units]
    train, test = (
        _Taken(int(counts.frames[chosen].sum()), most, random)
        for chosen, most in ((~on_test, limits.train), (on_test, limits.test))
    )
    for unit, first, second in source:
        if len(left_out):
            kept: npt.NDArray[np.bool_] = ~np.isin(second[:, 0], left_out)
            first, second = first[kept], second[kept]
        if len(first):
            (test if held[unit] else train).offer(unit, first, second)
    names = source.names or ()
    units = np.unique(counts.units)
    number = int(held[units].sum())
    lacking = tuple(str(names[int(one)]) for one in left_out)
    return Split(train.pairs(), test.pairs(), HeldOut(source.by, len(units) - number, number, lacking))


def _require_several(source: PairSource, counts: Counts) -> None:
    number = len(np.unique(counts.units))
    if number < 2:
        raise AnalysisError(
            f"the frames that count are of {number} {source.by}{'' if number == 1 else 's'}: nothing can be held out",
            why="few frames have a label, or the mask is 0 nearly everywhere" if source.names is not None else "",
            fix="give more speech" if source.by == UTTERANCE else f"say --held-out-by {UTTERANCE}, or give more speech",
        )


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
