"""What is held out of frames: whole utterances, speakers or others, with every class of the labels on both sides.

A probe that meets a speaker again on the held-out side may know the speaker instead of the label: vectors that are
drawn at random for each speaker then tell nearly all there is to tell of the speaker's language. So what is held out is
held out whole, and a class that one side would lack is refused: a probe that never met it, or is never asked for it,
was not tested on it. Only where such classes have hardly a frame, as the rarest phones, are they left out and named.

Where each unit has one class alone, as a speaker has one language, the same share of each class is held out. Where
units have several, as utterances have phones, units are drawn at random, and some are moved until both sides have all.

Shapes: U units (utterances, speakers, ...), V classes, P pairs of a unit and a class that occur, N frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from masr.errors import AnalysisError
from masr.types import IntArray

Flags = npt.NDArray[np.bool_]

UTTERANCE = "utterance"
SHARE, _FEWEST = 0.2, 5
"""What is held out where nobody said a share: a fifth, but so many units, or half of them where they are few."""
_MOST_LEFT_OUT = 0.01
"""Share of frames whose classes may be left out unasked."""
_ASIDE_SHARE = 0.1
_TRIES = 200


@dataclass(frozen=True, eq=False)
class Counts:
    """How many frames of each class each unit has; classes are all 0 where there are no labels."""

    units: IntArray
    """(P,)"""
    classes: IntArray
    """(P,)"""
    frames: IntArray
    """(P,) at least 1."""

    def part(self, kept: Flags) -> Counts:
        """The pairs that are chosen."""
        return Counts(self.units[kept], self.classes[kept], self.frames[kept])

    @property
    def are_pure(self) -> bool:
        """Whether each unit is of one class alone."""
        return len(np.unique(self.units)) == len(self.units)

    def rare(self) -> IntArray:
        """The classes that one unit alone has, which cannot be on both sides."""
        classes, times = np.unique(self.classes, return_counts=True)
        found: IntArray = classes[times < 2]
        return found


def hold_out(counts: Counts, share: float | None, random: np.random.Generator) -> Flags:
    """(U,) whether each unit is held out, so that all classes are on both sides; AnalysisError where that cannot be.

    U is one more than the largest number of a unit; a unit without frames is on neither side, and False.
    """
    units = np.unique(counts.units)
    number = _number(len(units), share)
    held = np.zeros(int(units[-1]) + 1, dtype=bool)
    if counts.are_pure:
        held[_of_each_class(counts, share or number / len(units), random)] = True
        return held
    for turn in range(_TRIES):
        size = number if turn < _TRIES // 2 else int(random.integers(1, len(units)))
        held[:] = False
        held[random.choice(units, size, replace=False)] = True
        if _mend(counts, held, random):
            return held
    raise AnalysisError(
        f"no way was found to have all {len(np.unique(counts.classes))} classes of the labels on both sides",
        why="they are rare, and some units have several of the rare ones",
        fix="--held-out-by utterance where it is another kind, or give more speech",
    )


def refuse_rare(counts: Counts, names: Sequence[object], by: str) -> None:
    """AnalysisError, with what cures it, where classes of one unit alone have more than one frame in a hundred."""
    rare = counts.rare()
    frames = counts.frames[np.isin(counts.classes, rare)].sum()
    if frames <= _MOST_LEFT_OUT * counts.frames.sum():
        return
    shown = ", ".join(str(names[int(one)]) for one in rare[:5]) + (
        f" and {len(rare) - 5} more" if len(rare) > 5 else ""
    )
    cures = ["give more speech", "leave them out with --testable-only"]
    if by != UTTERANCE:
        cures.insert(0, f"say --held-out-by {UTTERANCE}, which lets a probe know each {by}")
    if len(rare) == len(np.unique(counts.classes)):
        cures.pop()
    raise AnalysisError(
        f"held out by {by}, {len(rare)} of the classes cannot be tested, as one {by} alone has each: {shown}; they "
        f"have {100 * frames / counts.frames.sum():.1f} % of the frames",
        why="a class has to be on both sides: a probe is asked only for what it learnt",
        fix=", or ".join(cures),
    )


def aside(units: IntArray, labels: IntArray, seed: int) -> Flags:
    """(N,) the tenth of training frames that chooses a probe: whole units, where more than one have what they have.

    Where each class is of one unit alone there is no unit to spare; then it is a stretch of each unit, a tenth long.
    """
    random = np.random.default_rng(seed)
    width = int(labels.max()) + 1
    pairs = np.unique(units * width + labels)
    counts = Counts(pairs // width, pairs % width, np.ones_like(pairs))
    if counts.are_pure:
        spare = ~np.isin(counts.classes, counts.rare())
        chosen = _of_each_class(counts.part(spare), _ASIDE_SHARE, random)
    else:
        names = np.unique(units)
        number = min(len(names) - 1, max(1, round(_ASIDE_SHARE * len(names))))
        chosen = random.choice(names, number, replace=False)
    return np.isin(units, chosen) if len(chosen) else _stretches(units, random)


def _number(count: int, share: float | None) -> int:
    wanted = max(round(SHARE * count), min(_FEWEST, count // 2)) if share is None else round(share * count)
    return min(count - 1, max(1, wanted))


def _of_each_class(counts: Counts, share: float, random: np.random.Generator) -> IntArray:
    """The units that are held out: of each class the share, at least one, and never all."""
    chosen = [np.zeros(0, dtype=np.int64)]
    for one in np.unique(counts.classes):
        members = counts.units[counts.classes == one]
        number = min(len(members) - 1, max(1, round(share * len(members))))
        chosen.append(random.choice(members, number, replace=False))
    return np.concatenate(chosen)


def _mend(counts: Counts, held: Flags, random: np.random.Generator) -> bool:
    """Moves units to the other side until all classes are on both; False where every move would lose a class.

    A unit is moved only if none of its classes is lost by it, so that each move makes the lacking ones fewer.
    """
    width = int(counts.classes.max()) + 1
    known = np.unique(counts.classes)
    while True:
        side = held[counts.units].astype(np.int64)
        times = np.bincount(2 * counts.classes + side, minlength=2 * width).reshape(width, 2)
        lacking = known[(times[known] == 0).any(axis=1)]
        if not len(lacking):
            return True
        fixed = counts.units[times[counts.classes, side] < 2]
        movable = np.setdiff1d(counts.units[counts.classes == lacking[0]], fixed)
        if not len(movable):
            return False
        held[random.choice(movable)] ^= True


def _stretches(units: IntArray, random: np.random.Generator) -> Flags:
    """(N,) one of ten stretches of each unit's frames, which come in order of time."""
    order = np.argsort(units, kind="stable")
    _, first, sizes = np.unique(units[order], return_index=True, return_counts=True)
    places = np.empty(len(units), dtype=np.int64)
    places[order] = np.arange(len(units)) - np.repeat(first, sizes)
    number = np.unique(units, return_inverse=True)[1]
    found: Flags = places * 10 // sizes[number] == random.integers(0, 10, len(sizes))[number]
    if found.any() and not found.all():
        return found
    raise AnalysisError(f"{len(units)} frames to train on are too few to choose a probe by", fix="give more speech")
