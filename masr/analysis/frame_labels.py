"""Labels of frames: phones of an alignment, or an utterance's label in utt2<kind>, on another representation's grid.

Shapes: N frames of an utterance.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from masr.errors import AnalysisError, near
from masr.io.alignment import stretches_of
from masr.io.datadir import DataDir
from masr.io.frames import Array, ArrayFrames, Frames, Grid
from masr.io.layout import PHONES_CTM
from masr.types import IntArray

PHONES, SPEAKER = "phones", "spk"


class LabelFrames:
    """A number for each frame of another representation, -1 where it has no label."""

    def __init__(self, name: str, like: Frames, names: Sequence[str], spans: dict[str, Spans]) -> None:
        if like.utts is None:
            raise AnalysisError(f"{like.name} does not say which utterances its frames are of", fix="give a folder")
        self.name, self.dim = name, 1
        self.utts: Sequence[str] | None = like.utts
        self.counts: IntArray = like.counts
        self.grid: Grid | None = like.grid
        self.names, self.spans = tuple(names), spans

    def read(self, place: int) -> Array:
        """(N, 1) the numbers of one utterance's labels."""
        assert self.utts is not None
        count = int(self.counts[place])
        spans = self.spans.get(self.utts[place])
        if spans is None:
            return np.full((count, 1), -1, dtype=np.int64)
        grid = self.grid or Grid(1.0)
        return spans.at(grid.start_sec + np.arange(count) * grid.shift_sec)[:, None]


class Spans:
    """Stretches of an utterance, in order of time, with the number of the label that each has."""

    def __init__(self, starts: Sequence[float] | Array, ends: Sequence[float] | Array, labels: Sequence[int]) -> None:
        order = np.argsort(np.asarray(starts, dtype=np.float64), kind="stable")
        self.starts = np.asarray(starts, dtype=np.float64)[order]
        self.ends = np.asarray(ends, dtype=np.float64)[order]
        self.labels = np.asarray(labels, dtype=np.int64)[order]

    def at(self, times: Array) -> IntArray:
        """(N,) the number of the label at each time, -1 where no stretch is."""
        places = np.searchsorted(self.starts, times, side="right") - 1
        inside = (places >= 0) & (times < self.ends[np.maximum(places, 0)])
        return np.where(inside, self.labels[np.maximum(places, 0)], -1)


def phone_labels(data: DataDir, like: Frames) -> LabelFrames:
    """The phone at the middle of each frame, from phones.ctm."""
    if like.grid is None:
        raise AnalysisError(f"nothing says when the frames of {like.name} are", fix="say it: --rate 25")
    if not data.has(PHONES_CTM):
        raise AnalysisError(f"{data.folder} has no {PHONES_CTM}", fix="give a corpus with alignments, or --kind KIND")
    numbers: dict[str, int] = {}
    spans: dict[str, Spans] = {}
    for utt in data.table(PHONES_CTM):
        phones = stretches_of(data, PHONES_CTM, utt)
        labels = [numbers.setdefault(phone, len(numbers)) for phone in phones.labels]
        spans[utt] = Spans(phones.starts, phones.ends, labels)
    return LabelFrames(str(data.folder / PHONES_CTM), like, list(numbers), spans)


def utterance_labels(data: DataDir, kind: str, like: Frames) -> LabelFrames:
    """The utterance's label in utt2<kind>, at every frame."""
    table = data.labels(kind)
    known = {utt: label.strip() for utt, label in table.items() if label.strip() not in ("", "unknown")}
    names = sorted(set(known.values()))
    numbers = {name: number for number, name in enumerate(names)}
    spans = {utt: Spans([-np.inf], [np.inf], [numbers[label]]) for utt, label in known.items()}
    return LabelFrames(f"{data.folder} utt2{kind}", like, names, spans)


def array_labels(name: str, array: Array) -> tuple[ArrayFrames, int]:
    """A mapped array with a whole number for each frame as labels, and the number of classes that they may be."""
    if array.ndim != 1 or array.dtype.kind not in "iu" or not len(array):
        raise AnalysisError(f"{name}: {array.dtype} of the shape {array.shape} are no labels", fix="give whole numbers")
    most = int(array.max())
    if most < 1:
        raise AnalysisError(f"{name} has one label alone, of which there is nothing to tell")
    if most >= 1 << 20:
        raise AnalysisError(f"{name} has a label {most}: too many classes", fix="number labels from 0")
    return ArrayFrames(name, array[:, None]), most + 1


def kinds_or_phones(data: DataDir, kind: str, like: Frames) -> LabelFrames:
    """The labels that `kind` names: `phones`, or a kind of the data directory, of which its speakers are one."""
    if kind == PHONES:
        return phone_labels(data, like)
    if kind not in (SPEAKER, *data.kinds()):
        raise AnalysisError(f"{data.folder} has no labels {kind!r}", fix=near(kind, [PHONES, SPEAKER, *data.kinds()]))
    return utterance_labels(data, kind, like)
