"""A data directory as items by place: frames from the archives of stage 2, or the audio itself.

Nothing is held but the tables' maps and the lengths, so memory hardly grows with the corpus; each worker process
opens its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from masr.config import option
from masr.data.augment import NoiseConfig
from masr.data.batching import Int64Array
from masr.data.rooms import RoomsConfig
from masr.data.samples import Samples, item_at
from masr.errors import DataError
from masr.features.cmvn import Stats, total
from masr.io.ark import parse_entry, read_archive, read_array, read_matrix
from masr.io.audio import SAMPLE_RATE, read_audio
from masr.io.datadir import DataDir
from masr.io.layout import CMVN_SCP, FEATS_SCP, UTT2NUM_FRAMES, UTT2SPK
from masr.types import Features, FloatArray


@dataclass(frozen=True)
class Config:
    """What is read, and how it is normalised."""

    source: Literal["archives", "waveform", "samples"] = option(
        "archives", "features of stage 2; features made from audio in each batch; the audio, for encoders of waveforms"
    )
    normalise: Literal["global", "speaker", "utterance", "none"] = option(
        "global", "mean and variance of each feature over all data, a speaker, an utterance; of no effect on samples"
    )
    time_masks: int = option(0, "SpecAugment: spans of frames set to zero")
    max_time_mask: int = option(40, "SpecAugment: longest span of frames")
    bin_masks: int = option(0, "SpecAugment: bands of features set to zero")
    max_bin_mask: int = option(20, "SpecAugment: widest band")
    noise: NoiseConfig = option(NoiseConfig(), "added to training speech; wants the audio in the batch")
    rooms: RoomsConfig = option(RoomsConfig(), "that training speech is put into; wants the audio in the batch")
    num_workers: int = option(2, "processes that read ahead; 0 reads in the training process")

    def __post_init__(self) -> None:
        wants_audio = [name for name in ("noise", "rooms") if getattr(self, name).share]
        if self.source == "archives" and wants_audio:
            raise ValueError(
                f"data.{wants_audio[0]} wants the audio, and data.source is archives; set data.source to waveform "
                "(features made in each batch) or, for an encoder of waveforms, to samples"
            )
        if self.source == "samples" and (self.time_masks or self.bin_masks):
            raise ValueError("data.time_masks and data.bin_masks hide features, and data.source is samples")


class Source(Protocol):
    """Items by place in the data directory."""

    num_frames: Int64Array
    """Feature frames of every utterance; of samples, pieces of 10 ms."""
    samples_per_frame: int
    """Samples in one of those frames, where samples are read; else 1."""

    def read(self, place: int, first: int, count: int) -> FloatArray:
        """`count` frames from frame `first` on: (count, F), or the samples (S,) that give them or are them."""
        ...


class ArchiveSource:
    """Feature frames from the archives of stage 2."""

    def __init__(self, data: DataDir, num_frames: Int64Array | None = None) -> None:
        if not data.has(FEATS_SCP):
            raise DataError(
                f"{data.folder} has no {FEATS_SCP}",
                fix=f"run stage 2 (masr features {data.folder}), or set data.source to waveform",
            )
        _require_complete(data, FEATS_SCP)
        self.data = data
        self.num_frames = frames_of(data) if num_frames is None else num_frames
        self.samples_per_frame = 1

    def read(self, place: int, first: int, count: int) -> FloatArray:
        """(count, F) feature frames."""
        entry = self.data.table(FEATS_SCP).at(place)
        if first == 0 and count == self.num_frames[place]:
            return read_matrix(entry)
        return read_matrix(f"{entry}[{first}:{first + count - 1}]")


class WaveformSource:
    """The audio that features are made of."""

    def __init__(self, data: DataDir, features: Features, num_frames: Int64Array | None = None) -> None:
        self.data = data
        self.num_frames = frames_of(data) if num_frames is None else num_frames
        self.samples_per_frame = 1
        self.one = samples_for(features, 1)
        self.shift = samples_for(features, 2) - self.one
        self.sample_rate = features.sample_rate

    def read(self, place: int, first: int, count: int) -> FloatArray:
        """(S,) the samples that give these frames."""
        item = item_at(self.data, place)
        start = round(item.start_sec * self.sample_rate) + first * self.shift
        end = start + self.one + (count - 1) * self.shift
        if item.end_sec is not None:
            end = min(end, round(item.end_sec * self.sample_rate))
        rate = self.sample_rate
        return read_audio(item.entry, start / rate, end / rate, sample_rate=rate)


class SampleSource:
    """The audio as it is, counted in pieces of 10 ms; what is read to the end keeps the rest behind the last piece."""

    def __init__(self, data: DataDir, sample_rate: int) -> None:
        self.samples = Samples(data, sample_rate)
        self.samples_per_frame = sample_rate // 100
        self.num_samples = self.samples.num_samples
        self.num_frames = self.num_samples // self.samples_per_frame

    def read(self, place: int, first: int, count: int) -> FloatArray:
        """(S,) the samples of `count` pieces of 10 ms, from piece `first` on."""
        unit = self.samples_per_frame
        to_end = first + count >= self.num_frames[place]
        end = int(self.num_samples[place]) if to_end else (first + count) * unit
        return self.samples.read(place, first * unit, end - first * unit)


@dataclass(frozen=True)
class Input:
    """What is read of each utterance of a data directory, and what becomes of it on the way to the encoder."""

    folder: Path
    config: Config
    features: Features | None = None
    """Make frames of the audio in each batch; None where frames, or samples for the encoder itself, are read."""
    encoder_rate: int = SAMPLE_RATE
    """Samples per second of the audio that the encoder takes, where it takes audio."""
    lengths: Int64Array | None = None
    """(N,) what `lengths_of` found, where that was asked before."""

    @property
    def sample_rate(self) -> int:
        """Samples per second of the audio that is read."""
        return self.encoder_rate if self.features is None else self.features.sample_rate

    @property
    def is_samples(self) -> bool:
        """Whether the encoder takes the audio itself, not frames."""
        return self.config.source == "samples"

    def source(self, data: DataDir) -> Source:
        """The items of the directory: samples, frames of archives, or the samples that frames will be made of."""
        return (
            SampleSource(data, self.sample_rate) if self.is_samples else open_frames(data, self.features, self.lengths)
        )


def open_frames(data: DataDir, features: Features | None, lengths: Int64Array | None = None) -> Source:
    """The archives, or the audio that these features are made of."""
    return ArchiveSource(data, lengths) if features is None else WaveformSource(data, features, lengths)


def lengths_of(config: Config, data: DataDir, sample_rate: int) -> Int64Array:
    """(N,) what batches are filled by: frames of stage 2, or pieces of 10 ms where samples are read."""
    return SampleSource(data, sample_rate).num_frames if config.source == "samples" else frames_of(data)


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
    return data.table(UTT2NUM_FRAMES).counts()


def _require_complete(data: DataDir, table: str) -> None:
    if not data.complete(table):
        raise DataError(
            f"{data.folder / table} does not have exactly the utterances of {UTT2SPK}",
            why="some utterances gave no features, or tables were changed since",
            fix=f"masr data fix {data.folder}",
        )


def global_stats(data: DataDir) -> Stats:
    """(2, F + 1) statistics of everything in the directory, the sum of its speakers'."""
    table = data.table(CMVN_SCP)
    wanted: dict[Path, set[str]] = {}
    for key, entry in table.items():
        wanted.setdefault(parse_entry(entry)[0], set()).add(key)
    return total(value for path, keys in wanted.items() for key, value in read_archive(path) if key in keys)


def speaker_stats(data: DataDir, place: int) -> Stats:
    """(2, F + 1) statistics of the utterance's speaker."""
    speaker = data.table(UTT2SPK).at(place)
    stats: Stats = read_array(data.table(CMVN_SCP)[speaker])
    return stats
