"""Frames of a representation on disk: an array FILE.npy, or a folder that `masr extract --pool none` wrote.

Arrays are mapped into memory, so that what is not read costs nothing.

Shapes: N frames, D width, U utterances.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from masr.errors import AnalysisError
from masr.io.arrays import map_array
from masr.io.datadir import DataDir
from masr.io.layout import FRAMES, OFFSETS
from masr.io.origin import read_provenance
from masr.types import IntArray

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Grid:
    """When frames are: the middle of frame n is at start_sec + n * shift_sec."""

    shift_sec: float
    start_sec: float = 0.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.shift_sec) and self.shift_sec > 0 and np.isfinite(self.start_sec)):
            raise AnalysisError(f"{self.shift_sec} s from frame to frame is not possible", fix="give a rate above 0")


class Frames(Protocol):
    """Frames of utterances, in one place after another."""

    name: str
    dim: int
    utts: Sequence[str] | None
    """Ids of the utterances; None where it is not known which is which: then places count."""
    counts: IntArray
    """(U,) frames of each utterance."""
    grid: Grid | None
    """When frames are; None where nobody said it."""

    def read(self, place: int) -> Array:
        """(N, D) of one utterance; a mapped array is not copied."""
        ...


class ArrayFrames:
    """Frames of a mapped array."""

    def __init__(
        self, name: str, frames: Array, offsets: IntArray | None = None, utts: Sequence[str] | None = None
    ) -> None:
        if frames.ndim != 2 or frames.dtype.kind not in "fiu" or 0 in frames.shape:
            raise AnalysisError(
                f"{name} holds {frames.dtype} of the shape {frames.shape}, which is not frames x features",
                fix="give a matrix of numbers with one row for each frame",
            )
        self.name, self.frames, self.dim = name, frames, int(frames.shape[1])
        self.utts = utts
        self.offsets = np.array([0, len(frames)]) if offsets is None else offsets
        self.counts = np.diff(self.offsets)
        self.grid: Grid | None = None

    def read(self, place: int) -> Array:
        """(N, D) frames of one utterance, as a view of the map."""
        return self.frames[self.offsets[place] : self.offsets[place + 1]]


def open_frames(path: Path) -> ArrayFrames:
    """The frames at `path`: an array FILE.npy, or a folder that masr extract wrote."""
    return _open_folder(path) if path.is_dir() else ArrayFrames(str(path), load_array(path))


def load_array(path: Path) -> Array:
    """The array of a .npy file, mapped; AnalysisError where the file is none."""
    try:
        return map_array(path)
    except FileNotFoundError:
        raise AnalysisError(
            f"{path} is not there", fix="give FILE.npy, or a folder: masr extract MODEL DATA OUT --pool none"
        ) from None
    except OSError as error:
        raise AnalysisError(f"{path}: cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise AnalysisError(
            f"{path} is no .npy array: {error}",
            why="it was cut short, is of another format, or holds Python objects",
            fix="write it with numpy.save",
        ) from None


def _open_folder(folder: Path) -> ArrayFrames:
    if not (folder / FRAMES).is_file():
        raise AnalysisError(f"{folder} has no {FRAMES}", fix="make it: masr extract MODEL DATA OUT --pool none")
    frames, offsets, data = load_array(folder / FRAMES), load_array(folder / OFFSETS), DataDir.open(folder)
    rising = offsets.ndim == 1 and offsets.dtype.kind in "iu" and len(offsets) == len(data) + 1
    if not rising or offsets[0] != 0 or offsets[-1] != len(frames) or bool((np.diff(offsets) < 0).any()):
        raise AnalysisError(
            f"{folder / OFFSETS} does not fit {len(frames)} frames of {len(data)} utterances",
            fix="run masr extract again",
        )
    found = ArrayFrames(str(folder), frames, np.asarray(offsets, dtype=np.int64), data.utts)
    found.grid = _grid_of(folder)
    return found


def _grid_of(folder: Path) -> Grid | None:
    """The grid that masr extract wrote of the encoder's frames; None where it wrote none."""
    try:
        facts = read_provenance(folder)
        return Grid(float(facts["frame_shift_sec"]), float(facts["first_frame_sec"]))
    except (ValueError, TypeError, KeyError):
        return None
