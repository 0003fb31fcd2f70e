"""Audio files as samples: what a file holds, whether it can be trusted, and any span of any wav.scp entry.

16-bit RIFF wav, on disk or inside a Kaldi ark, is found by its header and read straight from the disk; every other
format goes through libsndfile.
"""

from __future__ import annotations

import io
import math
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from masr.errors import AudioError
from masr.files import open_ordinary
from masr.io.flac import SampleDigest
from masr.io.inside import bytes_in_place
from masr.io.riff import Riff, read_riff
from masr.io.sound import (
    Block,
    count_samples,
    is_sized,
    open_sound,
    read_span,
    read_unsized,
    samples_of_block,
    sound_blocks,
)
from masr.types import FloatArray, Int16Array

SAMPLE_RATE = 16000
INT16_SCALE = 32768.0
OVERSHOOT_SEC = 0.5
"""A segment may end so much after its recording, as in Kaldi, where times are rounded; it is then cut."""
MOST_UP, MOST_DOWN = 16, 64
"""How many times slower or faster than wanted a recording may be to be converted."""
_MOST_DIGITS = 18
"""Of an offset in an ark: no file is longer."""
_ARK_ENTRY = re.compile(r"(.+\.ark):([0-9]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file says of itself."""

    num_samples: int
    """Samples of each channel."""
    sample_rate: int
    num_channels: int

    @property
    def duration_sec(self) -> float:
        """How long it is."""
        return self.num_samples / self.sample_rate


def audio_info(source: Path | bytes) -> AudioInfo:
    """The header of a file, or of its bytes; AudioError where it is no audio, or shorter than it says."""
    with _opened(source) as (stream, size):
        riff = read_riff(stream, 0, size)
        if riff is not None and riff.is_int16:
            return AudioInfo(riff.num_samples, riff.sample_rate, riff.num_channels)
        with open_sound(stream) as sound:
            return AudioInfo(count_samples(sound), int(sound.samplerate), int(sound.channels))


def entry_info(entry: str) -> AudioInfo:
    """The header of what a wav.scp entry names: a path, `shard.ark:offset`, or what `masr/io/inside.py` reads."""
    path, offset = _file_of(entry)
    if isinstance(path, bytes) or not offset:
        return audio_info(path)
    with _opened(path) as (stream, size):
        riff = read_riff(stream, offset, size - offset)
    if riff is None:
        raise AudioError(f"{entry}: not audio: no wav starts at this offset of the ark")
    return AudioInfo(riff.num_samples, riff.sample_rate, riff.num_channels)


def check_audio(source: Path | bytes, sample_rate: int | None = SAMPLE_RATE, channel: int | None = None) -> AudioInfo:
    """What a file holds, once header and samples were found good; AudioError with a short reason otherwise.

    With `channel`, the file may have several. `sample_rate` None takes any.
    """
    with _opened(source) as (stream, size):
        riff = read_riff(stream, 0, size)
        if riff is not None and riff.is_int16:
            info = AudioInfo(riff.num_samples, riff.sample_rate, riff.num_channels)
            _require(info, sample_rate, channel)
            return info
        digest = SampleDigest(stream)
        with open_sound(stream) as sound:
            _require(_sound_info(sound), sample_rate, channel)
            num_samples = sum(len(block) for block in sound_blocks(sound, digest))
            info = AudioInfo(num_samples, sound.samplerate, sound.channels)
    _require(info, sample_rate, channel)
    return info


def int16_blocks(
    source: Path | bytes,
    sample_rate: int = SAMPLE_RATE,
    channel: int | None = None,
    resample: bool = False,
    mix: bool = False,
) -> Iterator[Int16Array]:
    """The checked samples of one channel, a block at a time, at `sample_rate`; AudioError as `check_audio`.

    With `resample`, another rate is converted instead of refused; with `mix`, it is the mean of all channels.
    """
    channel = 0 if mix else channel
    with _all_channels(source) as (info, blocks):
        _require(info, None if resample else sample_rate, channel)
        yield from _converted(blocks, info.sample_rate, sample_rate, channel or 0, mix)


def loudest_channel(source: Path | bytes) -> int | None:
    """The channel with the most power; None where there is one. A file is decoded once, however many it has."""
    with _all_channels(source) as (info, blocks):
        if info.num_channels == 1:
            return None
        powers = np.zeros(info.num_channels)
        for block in blocks:
            powers += np.square(block, dtype=np.float64).sum(axis=0)
    return int(powers.argmax())


@contextmanager
def _all_channels(source: Path | bytes) -> Iterator[tuple[AudioInfo, Iterator[Block]]]:
    """What a file holds, and its (n, C) samples, a block at a time, each decoded once."""
    with _opened(source) as (stream, size):
        riff = read_riff(stream, 0, size)
        if riff is not None and riff.is_int16:
            yield AudioInfo(riff.num_samples, riff.sample_rate, riff.num_channels), _riff_blocks(stream, riff)
            return
        digest = SampleDigest(stream)
        with open_sound(stream) as sound:
            yield _sound_info(sound), sound_blocks(sound, digest)


def read_audio(
    entry: str,
    start_sec: float = 0.0,
    end_sec: float | None = None,
    channel: int = 0,
    sample_rate: int = SAMPLE_RATE,
    allow_pipes: bool = False,
) -> FloatArray:
    """Mono float32 in [-1, 1] of a wav.scp entry: as of `entry_info`, or `command |` where allowed.

    Only the span from `start_sec` to `end_sec` is read from the disk.
    """
    try:
        return _read(entry, start_sec, end_sec, channel, sample_rate, allow_pipes)
    except AudioError as error:
        raise AudioError(f"{entry}: {error.what}", why=error.why, fix=error.fix) from None


def split_entry(entry: str) -> tuple[Path, int]:
    """A wav.scp entry that is no pipe, as file and byte offset."""
    match = _ARK_ENTRY.fullmatch(entry)
    if match is None:
        return Path(entry), 0
    if len(match[2]) > _MOST_DIGITS:
        raise AudioError(f"not audio: no ark is so long that it has an offset of {len(match[2])} digits")
    return Path(match[1]), int(match[2])


def _file_of(entry: str) -> tuple[Path | bytes, int]:
    """A wav.scp entry that is no pipe, as file and byte offset, or as the bytes of a file that is no file by itself."""
    found = bytes_in_place(entry)
    return split_entry(entry) if found is None else (found, 0)


def _read(
    entry: str, start_sec: float, end_sec: float | None, channel: int, sample_rate: int, allow_pipes: bool
) -> FloatArray:
    piped = entry.rstrip().endswith("|")
    if piped and not allow_pipes:
        raise AudioError(
            "a pipe, which would run a command",
            why="wav.scp can hold commands, and this one may come from anywhere",
            fix="add --allow-pipes if you trust it, or run the command once and point to the file",
        )
    path, offset = (b"", 0) if piped else _file_of(entry)
    with _opened(_output_of(entry) if piped else path) as (stream, size):
        riff = read_riff(stream, offset, size - offset)
        if riff is not None and riff.is_int16:
            info = AudioInfo(riff.num_samples, riff.sample_rate, riff.num_channels)
            first, last = _span(info, start_sec, end_sec, channel, sample_rate)
            return _scaled(_riff_samples(stream, riff, first, last)[:, channel])
        if offset or (riff is None and _ARK_ENTRY.fullmatch(entry)):
            raise AudioError("not audio: no 16-bit wav starts at this offset of the ark")
        with open_sound(stream) as sound:
            return _read_sound(sound, start_sec, end_sec, channel, sample_rate)


def _read_sound(sound: Any, start_sec: float, end_sec: float | None, channel: int, sample_rate: int) -> FloatArray:
    info = _sound_info(sound)
    if is_sized(sound):
        samples = read_span(sound, *_span(info, start_sec, end_sec, channel, sample_rate), channel)
    else:
        _require(info, sample_rate, channel)
        rate = info.sample_rate
        wanted = None if end_sec is None else round(end_sec * rate)
        found, reached = read_unsized(sound, max(0, round(start_sec * rate)), wanted, channel)
        first, last = _span(AudioInfo(reached, rate, info.num_channels), start_sec, end_sec, channel, sample_rate)
        samples = _scaled(found[: last - first])
    if not np.isfinite(samples).all():
        raise AudioError("NaN or infinite samples")
    return np.ascontiguousarray(np.clip(samples, -1.0, 1.0))


def _span(info: AudioInfo, start_sec: float, end_sec: float | None, channel: int, sample_rate: int) -> tuple[int, int]:
    _require(info, sample_rate, channel)
    if not (math.isfinite(start_sec) and (end_sec is None or math.isfinite(end_sec))):
        raise AudioError(f"no samples between {start_sec} s and {end_sec} s")
    first = round(start_sec * info.sample_rate)
    last = info.num_samples if end_sec is None else round(end_sec * info.sample_rate)
    if last > info.num_samples + OVERSHOOT_SEC * info.sample_rate:
        raise AudioError(f"ends early: {info.duration_sec:.3f} s, while the segment ends at {end_sec:.3f} s")
    last = min(last, info.num_samples)
    if not 0 <= first < last:
        raise AudioError(f"no samples between {start_sec:.3f} s and {last / info.sample_rate:.3f} s")
    return first, last


def _require(info: AudioInfo, sample_rate: int | None, channel: int | None) -> None:
    if info.num_samples <= 0:
        raise AudioError("empty: no samples")
    if sample_rate is not None and info.sample_rate != sample_rate:
        raise AudioError(
            f"wrong rate: {info.sample_rate} Hz, not {sample_rate}",
            fix="`masr prepare --resample` converts every file once",
        )
    if channel is None and info.num_channels != 1:
        raise AudioError(f"not mono: {info.num_channels} channels")
    if channel is not None and not 0 <= channel < info.num_channels:
        raise AudioError(f"no channel {channel}: the file has {info.num_channels}, counted from 0")


def _sound_info(sound: Any) -> AudioInfo:
    return AudioInfo(int(sound.frames), int(sound.samplerate), int(sound.channels))


@contextmanager
def _opened(source: Path | bytes) -> Iterator[tuple[BinaryIO, int]]:
    """A stream and its size."""
    if isinstance(source, bytes):
        yield io.BytesIO(source), len(source)
        return
    try:
        with open_ordinary(source) as stream:
            size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            yield stream, size
    except FileNotFoundError:
        raise AudioError("missing file") from None
    except OSError as error:
        raise AudioError(f"cannot be read: {error.strerror or error}") from None


def _riff_blocks(stream: BinaryIO, riff: Riff) -> Iterator[Block]:
    most = samples_of_block(riff.num_channels)
    for first in range(0, riff.num_samples, most):
        yield _riff_samples(stream, riff, first, min(first + most, riff.num_samples))


def _riff_samples(stream: BinaryIO, riff: Riff, first: int, last: int) -> Block:
    stream.seek(riff.data_start + first * riff.frame_bytes)
    wanted = (last - first) * riff.frame_bytes
    data = stream.read(wanted)
    if len(data) < wanted:
        raise AudioError("truncated: the file shrank while it was read")
    return np.frombuffer(data, dtype="<i2").reshape(-1, riff.num_channels)


def require_ratio(rate: int, wanted_rate: int) -> None:
    """AudioError where a conversion would blow the samples up, or its filter: no recording of speech is so."""
    if not wanted_rate / MOST_UP <= rate <= wanted_rate * MOST_DOWN:
        raise AudioError(
            f"wrong rate: {rate} Hz, which is not converted to {wanted_rate}",
            why=f"speech is recorded at {wanted_rate // MOST_UP} Hz at least; the header is damaged or of other data",
        )


def _mixed(block: Block) -> Block:
    """(n,) the mean of the channels of a block."""
    if block.dtype.kind == "i":
        return np.asarray(block.mean(axis=1, dtype=np.float32) / np.float32(INT16_SCALE))
    return np.asarray(np.clip(block, -1.0, 1.0).mean(axis=1))


def _converted(blocks: Iterator[Block], rate: int, wanted_rate: int, channel: int, mix: bool) -> Iterator[Int16Array]:
    require_ratio(rate, wanted_rate)
    picked = (_mixed(block) if mix and block.shape[1] > 1 else block[:, channel] for block in blocks)
    if rate == wanted_rate:
        yield from (to_int16(block) for block in picked)
        return
    import soxr

    stream = soxr.ResampleStream(rate, wanted_rate, 1, dtype="float32")
    for block in picked:
        yield to_int16(stream.resample_chunk(_scaled(block)))
    yield to_int16(stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True))


def to_int16(samples: Block) -> Int16Array:
    """Samples in [-1, 1] as 16 bits, rounded and clipped; int16 as it is."""
    if samples.dtype.kind == "i":
        return np.ascontiguousarray(samples, dtype=np.int16)
    return np.clip(np.rint(samples * INT16_SCALE), -32768, 32767).astype(np.int16)


def _scaled(samples: Block) -> FloatArray:
    if samples.dtype.kind == "i":
        return samples.astype(np.float32) / np.float32(INT16_SCALE)
    return np.ascontiguousarray(samples, dtype=np.float32)


def _output_of(entry: str) -> bytes:
    command = entry.rstrip().removesuffix("|")
    done = subprocess.run(command, shell=True, capture_output=True, check=False)  # noqa: S602 (allowed by the user)
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise AudioError(f"the command failed with {done.returncode}: {' '.join(last)}")
    return done.stdout
