"""The header of a RIFF wav, read without a library: it is what every sample is found by, and where truncation shows."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import BinaryIO

from masr.errors import AudioError

HEADER_BYTES = 44
"""Bytes before the samples in the wavs that we write: RIFF, fmt and data headers, nothing else."""
_PCM, _EXTENSIBLE = 0x0001, 0xFFFE
_MAX_CHUNKS = 1000
"""Real files have a handful; a file of zeros behind a good beginning has one every 8 bytes."""
_STREAMED_BYTES = 0x7FFFF000
"""A size from here on is one that ffmpeg and sox write into a pipe without knowing it: the data runs to the end."""


@dataclass(frozen=True, slots=True)
class Riff:
    """Where the samples lie and what they are."""

    encoding: int
    num_channels: int
    sample_rate: int
    bits: int
    frame_bytes: int
    data_start: int
    """Bytes from the start of the stream to the first sample."""
    data_bytes: int

    @property
    def is_int16(self) -> bool:
        """16-bit PCM: the kind that is read straight from the disk."""
        return self.encoding == _PCM and self.bits == 16 and self.frame_bytes == 2 * self.num_channels

    @property
    def num_samples(self) -> int:
        """Samples of each channel."""
        return self.data_bytes // self.frame_bytes


def read_riff(stream: BinaryIO, start: int, size: int) -> Riff | None:
    """The header of the wav at `start`, after which the stream holds `size` bytes; None where it is no RIFF wav."""
    if size < 12:
        return None
    stream.seek(start)
    head = stream.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"WAVE":
        return None
    position, form = 12, None
    for _ in range(_MAX_CHUNKS):
        if position + 8 > size:
            break
        stream.seek(start + position)
        name, length = struct.unpack("<4sI", stream.read(8))
        position += 8
        if name == b"fmt ":
            form = _format(stream.read(min(length, 40)))
        elif name == b"data" and form is not None:
            return _with_data(form, start + position, length, size - position)
        position += length + length % 2
    else:
        raise AudioError(f"not audio: {_MAX_CHUNKS} pieces of a wav header and no samples")
    raise AudioError("truncated: the header ends before its samples")


def riff_header(num_samples: int, sample_rate: int) -> bytes:
    """The 44 bytes that stand before so many int16 mono samples."""
    data_bytes = 2 * num_samples
    if data_bytes > 0xFFFFFFFF - HEADER_BYTES:
        raise AudioError(f"too long for a wav: {num_samples} samples")
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, _PCM, 1, sample_rate, 2 * sample_rate, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", 36 + data_bytes, b"WAVE") + form + struct.pack("<4sI", b"data", data_bytes)


def _format(chunk: bytes) -> tuple[int, int, int, int, int]:
    if len(chunk) < 16:
        raise AudioError("not audio: a broken wav header")
    encoding, channels, rate, _, frame_bytes, bits = struct.unpack("<HHIIHH", chunk[:16])
    if encoding == _EXTENSIBLE and len(chunk) >= 26:
        encoding = struct.unpack("<H", chunk[24:26])[0]
    if not channels or not rate or not frame_bytes:
        raise AudioError("not audio: a broken wav header")
    return encoding, channels, rate, bits, frame_bytes


def _with_data(form: tuple[int, int, int, int, int], data_start: int, claimed: int, held: int) -> Riff:
    encoding, channels, rate, bits, frame_bytes = form
    if claimed > held and claimed < _STREAMED_BYTES:
        raise AudioError(f"truncated: holds {held // frame_bytes} of {claimed // frame_bytes} samples")
    return Riff(encoding, channels, rate, bits, frame_bytes, data_start, min(claimed, held))
