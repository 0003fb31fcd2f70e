"""Speech as Python users have it, files and arrays, becomes checked samples at the rate that a model takes.

Shapes: S samples, C channels.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from torch import Tensor

from masr.data.collate import padded
from masr.errors import AudioError, MasrError, UsageError
from masr.io.audio import INT16_SCALE, SAMPLE_RATE, audio_info, int16_blocks, loudest_channel, require_ratio
from masr.types import FloatArray

Samples: TypeAlias = np.ndarray[tuple[int, ...], np.dtype[np.generic]] | Tensor
"""(S,) of one channel, or (S, C): 16-bit integers, or floats in [-1, 1]."""
Speech: TypeAlias = str | os.PathLike[str] | tuple[Samples, float] | Samples
"""The path of an audio file; samples with their rate; or samples alone, whose rate stands beside them."""
Channel: TypeAlias = int | Literal["loudest", "mix"]
"""One channel, counted from 0; the one with the most power; or the mean of all."""

_MOST_PEAK = 2.0
"""Samples that are louder were never scaled to [-1, 1]; what a decoder or a filter overshoots is far less."""
_BATCH_SAMPLES = 480 * SAMPLE_RATE
"""Samples of one batch with its padding: eight minutes of speech."""
_POOL_SAMPLES = 4 * _BATCH_SAMPLES
"""Samples that are read before those of like length are put together."""
_FORMS = "give the path of an audio file, (samples, rate), an array with rate=, or a list of these"
_TYPES = "give floats in [-1, 1] or 16-bit integers"


@dataclass(frozen=True, slots=True)
class Taking:
    """What may be done to a recording that is not as the model takes it."""

    resample: bool = False
    """Whether another rate is converted."""
    channel: Channel | None = None
    """What is taken of several channels; None where there may be one only."""

    def __post_init__(self) -> None:
        given: object = self.channel
        is_number = isinstance(given, int | np.integer) and not isinstance(given, bool)
        if not (given is None or is_number or (isinstance(given, str) and given in ("loudest", "mix"))):
            raise UsageError(f"channel cannot be {given!r}", fix='give a number from 0, or "loudest" or "mix"')

    def require(self, rate: int, wanted_rate: int, num_channels: int) -> None:
        """AudioError where a recording is not as it has to be, and nobody said what is to be done."""
        if num_channels > 1 and self.channel is None:
            raise AudioError(
                f"not mono: {num_channels} channels",
                why="one of them may be silent, or another speaker",
                fix='say which: channel=0, channel="loudest", or channel="mix" for the mean of all',
            )
        if rate != wanted_rate and not self.resample:
            raise AudioError(
                f"wrong rate: {rate} Hz, where the model takes {wanted_rate}",
                why="" if rate > wanted_rate else "it lacks the high sounds that the model learnt from",
                fix="convert it: resample=True",
            )


@dataclass(frozen=True, slots=True)
class Sound:
    """What is heard of a recording."""

    num_samples: int
    """As its header says; there may be more or less."""
    blocks: Iterator[FloatArray]
    """(n,) samples each, one after the other."""


class Recording(Protocol):
    """Something that is heard from front to back."""

    @property
    def name(self) -> str:
        """What errors call it."""
        ...

    def open(self, sample_rate: int) -> Sound:
        """One channel of it at that rate; AudioError where that cannot be, now or when blocks are read."""
        ...


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file of any format that libsndfile reads, or its bytes. It is read as 16-bit samples."""

    name: str
    source: Path | bytes
    taking: Taking

    def open(self, sample_rate: int) -> Sound:
        """One channel of it at that rate, of which no more than a block is held at a time."""
        info, channel = audio_info(self.source), self.taking.channel
        self.taking.require(info.sample_rate, sample_rate, info.num_channels)
        mix = channel == "mix" or channel is None
        if channel == "loudest":
            channel = loudest_channel(self.source) or 0
        number = None if channel is None or isinstance(channel, str) else int(channel)
        blocks = int16_blocks(self.source, sample_rate, number, resample=True, mix=mix)
        num_samples = info.num_samples * sample_rate // max(1, info.sample_rate)
        return Sound(num_samples, (block.astype(np.float32) / np.float32(INT16_SCALE) for block in blocks))


@dataclass(frozen=True, slots=True)
class Waveform:
    """Samples in memory."""

    name: str
    samples: Samples
    rate: int
    taking: Taking

    def open(self, sample_rate: int) -> Sound:
        """One channel of them at that rate, in one block."""
        values = _columns(self.samples)
        self.taking.require(self.rate, sample_rate, values.shape[1])
        require_ratio(self.rate, sample_rate)
        wave = _one_channel(values, self.taking.channel)
        if self.rate != sample_rate:
            import soxr

            wave = soxr.resample(wave, self.rate, sample_rate)
        return Sound(len(wave), iter([np.ascontiguousarray(wave, dtype=np.float32)]))


def recordings_of(
    given: Speech | Sequence[Speech], rate: float | None, taking: Taking
) -> tuple[bool, list[AudioFile | Waveform]]:
    """Whether it is one thing rather than a list, and what there is to hear; UsageError where it is neither."""
    if _is_one(given):
        return True, [_recording(given, "the waveform", rate, taking)]
    if not isinstance(given, Sequence) or isinstance(given, bytes | bytearray):
        raise UsageError(f"a {type(given).__name__} is no speech", fix=_FORMS)
    if not len(given):
        raise UsageError("there is no waveform in the list", why="no file was found, or all were left out")
    return False, [_recording(one, f"waveform {place}", rate, taking) for place, one in enumerate(given)]


def batches(recordings: Sequence[Recording], sample_rate: int) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Places in the list, (B, S) their samples and (B,) how many: of like length, and some minutes of them at a time.

    AudioError, with the name of the recording, where one cannot be read.
    """
    pool: dict[int, FloatArray] = {}
    held = 0
    for place, recording in enumerate(recordings):
        pool[place] = _read_whole(recording, sample_rate)
        held += len(pool[place])
        if held >= _POOL_SAMPLES:
            yield from _of_like_length(pool)
            pool, held = {}, 0
    yield from _of_like_length(pool)


def named_error(recording: Recording, error: MasrError) -> MasrError:
    """The error, with the name of the recording that it is about."""
    return type(error)(f"{recording.name}: {error.what}", why=error.why, fix=error.fix)


def require_encoded(recordings: Sequence[Recording], counts: Tensor) -> None:
    """AudioError where one of the recordings has no encoded frame; `counts` is (B,) how many each has."""
    if not bool((counts > 0).all()):
        short = recordings[int(counts.argmin())]
        raise AudioError(f"{short.name}: too short: it gives no encoded frame", fix="leave it out")


def _read_whole(recording: Recording, sample_rate: int) -> FloatArray:
    """(S,) all of it."""
    try:
        return np.concatenate([*recording.open(sample_rate).blocks])
    except AudioError as error:
        raise named_error(recording, error) from None


def _of_like_length(pool: Mapping[int, FloatArray]) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    order = sorted(pool, key=lambda place: -len(pool[place]))
    while order:
        count = max(1, _BATCH_SAMPLES // max(1, len(pool[order[0]])))
        rows, order = order[:count], order[count:]
        yield rows, *padded([pool[place] for place in rows])


def _is_one(given: object) -> bool:
    """Whether it is no list of things."""
    if isinstance(given, str | os.PathLike | np.ndarray | Tensor):
        return True
    return isinstance(given, tuple) and len(given) == 2 and any(_is_number(one) for one in given)


def _recording(one: Any, name: str, rate: float | None, taking: Taking) -> AudioFile | Waveform:
    """One thing; UsageError where it is none, or its rate is not known."""
    if isinstance(one, np.ndarray | Tensor):
        if rate is None:
            raise UsageError(
                f"{name}: an array does not say how many samples a second has",
                why="at another rate the answer would be wrong, and nothing would show it",
                fix="give rate=16000, or whatever it is, or (samples, rate)",
            )
        return Waveform(name, one, _rate(rate, name), taking)
    if rate is not None and (isinstance(one, str | os.PathLike) or _is_one(one)):
        raise UsageError(f"{name}: has a rate of its own, and rate={rate} is for arrays", fix="leave rate= out")
    if isinstance(one, str | os.PathLike):
        path = Path(one)
        if path.is_dir():
            raise UsageError(
                f"{path}: is a folder, and here audio files are read",
                fix=f'give a list of its files: sorted(Path("{path}").rglob("*.wav"))',
            )
        return AudioFile(str(path), path, taking)
    if not _is_one(one):
        raise UsageError(f"{name}: a {type(one).__name__} is no speech", fix=_FORMS)
    samples, of_pair = one
    if not isinstance(samples, np.ndarray | Tensor):
        raise UsageError(
            f"{name}: of a pair, the first is {type(samples).__name__}, not an array of samples",
            why="scipy.io.wavfile.read gives the rate first" if _is_number(samples) else "",
            fix="give (samples, rate), as soundfile.read does",
        )
    return Waveform(name, samples, _rate(of_pair, name), taking)


def _is_number(one: object) -> bool:
    return isinstance(one, int | float | np.integer | np.floating) and not isinstance(one, bool)


def _rate(given: Any, name: str) -> int:
    """A rate that is one."""
    if not _is_number(given) or not given > 0 or given != int(given):
        raise UsageError(f"{name}: {given!r} is no sampling rate", fix="give samples a second: rate=16000")
    return int(given)


def _columns(samples: Samples) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """(S, C) samples, checked and in [-1, 1] or a little over."""
    values = _floats(samples)
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or not values.shape[1]:
        raise AudioError(f"has the shape {values.shape}, not (samples,) or (samples, channels)", fix=_FORMS)
    if not len(values):
        raise AudioError("empty: no samples")
    if values.shape[1] > values.shape[0]:
        raise AudioError(
            f"has the shape {values.shape}: more channels than samples",
            why="channels are the second axis, as soundfile has it; torchaudio and librosa have them first",
            fix="give samples.T; where the rows are recordings of their own, a list of them",
        )
    if not np.isfinite(values).all():
        raise AudioError("NaN or infinite samples", why="a program before this one divided by zero, or overflowed")
    peak = float(np.abs(values).max())
    if peak > _MOST_PEAK:
        raise AudioError(
            f"samples reach {peak:.4g}, where full scale is 1",
            why="integers were made floats without being scaled, or the waveform was divided by its deviation",
            fix="give the 16-bit integers themselves, or divide by their full scale: samples / 32768",
        )
    return values


def _floats(samples: Samples) -> np.ndarray[tuple[Any, ...], np.dtype[np.float32]]:
    """The same shape as float32, full scale 1."""
    if isinstance(samples, Tensor):
        samples = samples.detach().cpu()
        values = (samples.float() if samples.is_floating_point() else samples).numpy()
    else:
        values = samples
    if np.issubdtype(values.dtype, np.int16):
        return values.astype(np.float32) / np.float32(INT16_SCALE)
    if not np.issubdtype(values.dtype, np.floating):
        raise AudioError(f"samples are {values.dtype}", why="their full scale is not known", fix=_TYPES)
    with np.errstate(over="ignore"):  # what is too large for float32 is infinite, and refused as such
        return values.astype(np.float32)


def _one_channel(values: np.ndarray[tuple[int, int], np.dtype[np.float32]], channel: Channel | None) -> FloatArray:
    """(S, C) -> (S,)"""
    if channel == "mix":
        return np.asarray(values.mean(axis=1))
    if channel == "loudest":
        return values[:, int(np.square(values, dtype=np.float64).sum(axis=0).argmax())]
    number = 0 if channel is None else int(channel)
    if not 0 <= number < values.shape[1]:
        raise AudioError(f"no channel {number}: there are {values.shape[1]}, counted from 0")
    return values[:, number]
