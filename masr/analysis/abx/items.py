"""Items of phone ABX: where each phone is, what stands before and behind it, and who says it.

From an alignment (phones.ctm of a data directory) or an item file as ZeroSpeech publishes them, whose lines are
`file onset offset phone previous next speaker` below a header.

Shapes: K items.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from masr.analysis.abx.warp import FrameDistance, prepared
from masr.errors import AnalysisError, DataError
from masr.files import ordinary
from masr.io.alignment import stretches_of
from masr.io.datadir import DataDir
from masr.io.frames import Array, ArrayFrames, Frames, Grid
from masr.io.layout import PHONES_CTM, UTT2SPK
from masr.io.progress import track
from masr.types import FloatArray, IntArray

Span = Literal["phone", "triphone"]
"""Which stretch of speech is compared: the phone alone, or with the two around it."""

Borders = Literal["middle", "fastabx", "libri-light"]
"""Which frames a phone has where it begins and ends.

`middle`: those whose middle, as the encoder says when it is, lies between the borders or on them. `fastabx`: the same,
but frame n is taken to be at (n + 1/2) / rate whatever the encoder. `libri-light`: those of fastabx without the last
one, which its slice loses, by the same arithmetic in floating point.
"""

SILENCES = frozenset({"", "sil", "sp", "spn", "nsn", "pau", "<eps>", "<unk>", "#"})
_EDGE = 1e-6
"""Share of a frame that times may be off by: a middle on the border of a phone belongs to it, whatever the rounding."""


class Item(NamedTuple):
    """One phone as it was said once."""

    utt: str
    start_sec: float
    end_sec: float
    phone: str
    before: str
    behind: str
    speaker: str


@dataclass(frozen=True, eq=False)
class Items:
    """Items that have frames: what they are, by numbers of names, and where their frames are."""

    phones: IntArray
    contexts: IntArray
    speakers: IntArray
    places: IntArray
    first: IntArray
    last: IntArray
    """(K,) one behind the last frame of each."""
    phone_names: tuple[str, ...]
    speaker_names: tuple[str, ...]
    num_without_frames: int
    """Items that were left out: too short for a frame's middle, or beyond the end."""
    num_without_utterance: int
    """Items that were left out because their utterance has no frames."""

    def __len__(self) -> int:
        return len(self.phones)


class ItemFrames:
    """The frames that items have. A mapped array stays on disk; other frames are read once and held."""

    def __init__(self, frames: Frames, items: Items, distance: FrameDistance) -> None:
        self.distance = distance
        self.sizes = items.last - items.first
        if isinstance(frames, ArrayFrames):
            self.values: Array = frames.frames
            offset = frames.offsets[items.places]
        else:
            used = np.unique(items.places)
            starts = np.concatenate([[0], np.cumsum(frames.counts[used])])
            self.values = np.empty((int(starts[-1]), frames.dim), dtype=np.float32)
            for k, place in enumerate(track(used.tolist(), frames.name, unit="utterance")):
                self.values[starts[k] : starts[k + 1]] = frames.read(place)
            offset = starts[np.searchsorted(used, items.places)]
        self.first, self.last = offset + items.first, offset + items.last

    def of(self, items: IntArray) -> FloatArray:
        """(T, D) frames of some items, one item after another, prepared for distances."""
        raw = np.concatenate([self.values[self.first[k] : self.last[k]] for k in items])
        return prepared(raw.astype(np.float32, copy=False), self.distance)


def from_alignment(data: DataDir, span: Span = "phone", merge_stress: bool = False) -> Iterator[Item]:
    """Phones that stand between two phones; silences are no items and no context.

    `merge_stress` takes the figures off ARPAbet's vowels: AH0 and AH1 are one phone.
    """
    if not data.has(PHONES_CTM):
        raise DataError(
            f"{data.folder} has no {PHONES_CTM}: nothing says where its phones are",
            fix="prepare it from a corpus with alignments, or give an item file",
        )
    speakers = data.table(UTT2SPK)
    for utt in data.table(PHONES_CTM):
        rows = [
            (start, end, phone.rstrip("012") or phone if merge_stress else phone)
            for start, end, phone in stretches_of(data, PHONES_CTM, utt).rows()
        ]
        for left, (start, end, phone), right in zip(rows, rows[1:], rows[2:]):
            if any(name.lower() in SILENCES for name in (left[2], phone, right[2])):
                continue
            if span == "triphone":
                start, end = left[0], right[1]
            yield Item(utt, start, end, phone, left[2], right[2], speakers[utt])


def from_item_file(path: Path) -> Iterator[Item]:
    """Items of a file as ZeroSpeech publishes them."""
    try:
        lines = ordinary(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        raise AnalysisError(f"{path} is no item file", fix="give a file, or a data directory with phones.ctm") from None
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        try:
            utt, start, end, phone, before, behind, speaker = line.split()
            if not math.isfinite(float(start) + float(end)):
                raise ValueError("a time is not finite")
            yield Item(utt, float(start), float(end), phone, before, behind, speaker)
        except ValueError:
            raise AnalysisError(
                f"{path}, line {number}: {line!r} is not an item",
                fix="a line is `file onset offset phone previous next speaker`, below one line of header",
            ) from None


def place_items(items: Sequence[Item], frames: Frames, borders: Borders = "middle") -> Items:
    """Each item's frames; what lies beyond the utterance's frames is cut off."""
    grid = frames.grid
    if frames.utts is None or grid is None:
        raise AnalysisError(
            f"{frames.name} does not say which utterances its frames are of, and when they are",
            fix="give a folder: masr extract MODEL DATA OUT --pool none; and --rate where it has none",
        )
    where = {utt: place for place, utt in enumerate(frames.utts)}
    known = [item for item in items if item.utt in where]
    places = np.array([where[item.utt] for item in known], dtype=np.int64)
    first, last = _frames_of(known, grid, borders)
    first, last = np.maximum(first, 0), np.minimum(last, frames.counts[places] if len(places) else last)
    kept = np.flatnonzero(last > first)
    if not len(kept):
        raise AnalysisError(
            f"none of {len(items)} phones lies in the frames of {frames.name}",
            why="the alignment is of other utterances, or the frame rate is wrong",
            fix="extract the frames from the data directory that has the alignment",
        )
    some = [known[k] for k in kept]
    phone_names, phones = _numbers([item.phone for item in some])
    speaker_names, speakers = _numbers([item.speaker for item in some])
    _, contexts = _numbers([f"{item.before} {item.behind}" for item in some])
    return Items(
        phones=phones,
        contexts=contexts,
        speakers=speakers,
        places=places[kept],
        first=first[kept],
        last=last[kept],
        phone_names=phone_names,
        speaker_names=speaker_names,
        num_without_frames=len(known) - len(kept),
        num_without_utterance=len(items) - len(known),
    )


def _frames_of(items: Sequence[Item], grid: Grid, borders: Borders) -> tuple[IntArray, IntArray]:
    """(K,), (K,) each item's first frame, and one behind its last."""
    starts = np.array([item.start_sec for item in items])
    ends = np.array([item.end_sec for item in items])
    if borders == "libri-light":
        rate = 1 / grid.shift_sec
        return np.ceil(rate * starts - 0.5).astype(np.int64), np.floor(rate * ends - 0.5).astype(np.int64)
    start_sec = grid.start_sec if borders == "middle" else grid.shift_sec / 2
    first = np.ceil((starts - start_sec) / grid.shift_sec - _EDGE).astype(np.int64)
    last = np.floor((ends - start_sec) / grid.shift_sec + _EDGE).astype(np.int64) + 1
    return first, last


def _numbers(names: Sequence[str]) -> tuple[tuple[str, ...], IntArray]:
    found, numbers = np.unique(np.array(names), return_inverse=True)
    return tuple(str(name) for name in found), numbers.astype(np.int64)
