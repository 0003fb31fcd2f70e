"""A data directory as items by place: frames from the archives of stage 2, or waveforms from the audio itself.

Nothing is held but the tables' maps, so memory does not grow with the corpus; each worker process opens its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from masr.config import option
from masr.data.batching import Int64Array
from masr.errors import DataError
from masr.features.cmvn import Stats, total
from masr.features.waveforms import Unread, items_of
from masr.io.ark import parse_entry, read_archive, read_array, read_matrix
from masr.io.audio import read_audio
from masr.io.datadir import DataDir
from masr.io.layout import CMVN_SCP, FEATS_SCP, UTT2NUM_FRAMES, UTT2SPK
from masr.types import Features, FloatArray


@dataclass(frozen=True)
class Config:
    """What is read, and how it is normalised."""

    source: Literal["archives", "waveform"] = option(
        "archives", "features of stage 2, or made from audio in each batch"
    )
    normalise: Literal["global", "speaker", "utterance", "none"] = option(
        "global", "mean and variance of each feature over all data, a speaker, an utterance"
    )
    time_masks: int = option(0, "SpecAugment: spans of frames set to zero")
    max_time_mask: int = option(40, "SpecAugment: longest span of frames")
    bin_masks: int = option(0, "SpecAugment: bands of features set to zero")
    max_bin_mask: int = option(20, "SpecAugment: widest band")
    num_workers: int = option(2, "processes that read ahead; 0 reads in the training process")


class Source(Protocol):
    """Items by place in the data directory."""

    num_frames: Int64Array
    """Feature frames of every utterance."""

    def read(self, place: int, first: int, count: int) -> FloatArray:
        """`count` frames from frame `first` on: (count, F), or the samples (S,) that give them."""
        ...


class ArchiveSource:
    """feats.scp."""

    def __init__(self, data: DataDir) -> None:
        if not data.has(FEATS_SCP):
            raise DataError(
                f"{data.folder} has no {FEATS_SCP}",
                fix=f"run stage 2 (masr features {data.folder}), or set data.source to waveform",
            )
        _require_complete(data, FEATS_SCP)
        self.data = data
        self.num_frames = frames_of(data)

    def read(self, place: int, first: int, count: int) -> FloatArray:
        """(count, F)."""
        entry = self.data.table(FEATS_SCP).at(place)
        if first == 0 and count == self.num_frames[place]:
            return read_matrix(entry)
        return read_matrix(f"{entry}[{first}:{first + count - 1}]")


class WaveformSource:
    """wav.scp, and segments where there are any."""

    def __init__(self, data: DataDir, features: Features) -> None:
        self.data = data
        self.num_frames = frames_of(data)
        self.one = samples_for(features, 1)
        self.shift = samples_for(features, 2) - self.one

    def read(self, place: int, first: int, count: int) -> FloatArray:
        """(S,) the samples that give these frames."""
        utt = self.data.utts[place]
        item = next(iter(items_of(self.data, [utt])))
        if isinstance(item, Unread):
            raise DataError(f"{self.data.folder}: {utt}: {item.reason}", fix=f"masr data validate {self.data.folder}")
        samples = read_audio(item.entry, item.start_sec, item.end_sec)
        start = first * self.shift
        return samples[start : start + self.one + (count - 1) * self.shift]


def samples_for(features: Features, count: int) -> int:
    """The fewest samples that give `count` frames."""
    low, high = 0, 1
    while features.num_frames(high) < count:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if features.num_frames(middle) >= count else (middle, high)
    return high


def frames_of(data: DataDir) -> Int64Array:
    """(N,) feature frames of every utterance, from stage 2."""
    if not data.has(UTT2NUM_FRAMES):
        raise DataError(f"{data.folder} has no {UTT2NUM_FRAMES}", fix=f"run stage 2: masr features {data.folder}")
    _require_complete(data, UTT2NUM_FRAMES)
    return data.table(UTT2NUM_FRAMES).numbers().astype(np.int64)


def _require_complete(data: DataDir, table: str) -> None:
    if not data.complete(table):
        raise DataError(
            f"{data.folder / table} does not have exactly the utterances of {UTT2SPK}",
            why="some utterances gave no features, or tables were changed since",
            fix=f"masr data fix {data.folder}",
        )


def global_stats(data: DataDir) -> Stats:
    """(2, F + 1) of everything in the directory, from its speakers' statistics."""
    table = data.table(CMVN_SCP)
    wanted: dict[Path, set[str]] = {}
    for key, entry in table.items():
        wanted.setdefault(parse_entry(entry)[0], set()).add(key)
    return total(value for path, keys in wanted.items() for key, value in read_archive(path) if key in keys)


def speaker_stats(data: DataDir, place: int) -> Stats:
    """(2, F + 1) of the utterance's speaker."""
    speaker = data.table(UTT2SPK).at(place)
    stats: Stats = read_array(data.table(CMVN_SCP)[speaker])
    return stats
