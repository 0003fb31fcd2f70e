"""Audio files of every format through libsndfile: opened, read to the end or in part, each mistake in few words."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from masr.errors import AudioError
from masr.io.flac import SampleDigest

BLOCK_SAMPLES = 1 << 20
"""Of all channels together."""
_UNKNOWN_SAMPLES = 1 << 60
"""libsndfile counts more samples than this in a stream that does not say how long it is."""
_INTEGER_SUBTYPES = frozenset({"PCM_16", "PCM_S8", "PCM_U8", "ULAW", "ALAW"})

Block = npt.NDArray[Any]


@contextmanager
def open_sound(stream: BinaryIO) -> Iterator[Any]:
    """libsndfile's view of a stream."""
    import soundfile

    if stream.seek(0, io.SEEK_END) == 0:
        raise AudioError("empty: no bytes")
    stream.seek(0)
    try:
        sound = soundfile.SoundFile(stream)
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as error:
        raise AudioError(f"not audio: {_reason(error)}") from None
    # After every read soundfile seeks to where it is already; at the end of a FLAC without a length that is an error.
    sound.seekable = lambda: False
    with sound:
        yield sound


def is_sized(sound: Any) -> bool:
    """Whether the header says how long the stream is; a FLAC that was written into a pipe does not."""
    return bool(sound.frames < _UNKNOWN_SAMPLES)


def read_span(sound: Any, first: int, last: int, channel: int) -> Block:
    """(last - first,) float32 samples of one channel of a span that the header promises.

    Memory is asked for as samples come, for a header may promise what is not there.
    """
    import soundfile

    most, pieces, reached = _most_samples(sound), [], first
    try:
        sound.seek(first)
        while reached < last:
            block: Block = sound.read(min(most, last - reached), dtype="float32", always_2d=True)
            if not len(block):
                raise AudioError(f"truncated: holds {reached} of {sound.frames} samples")
            reached += len(block)
            pieces.append(block[:, channel])
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"truncated or damaged: {_reason(error)}") from None
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


def read_unsized(sound: Any, first: int, last: int | None, channel: int) -> tuple[Block, int]:
    """Samples of one channel from `first` to `last`, or to the end, and how far the stream was seen to go."""
    import soundfile

    try:
        if first:
            sound.seek(first)
    except (soundfile.LibsndfileError, RuntimeError):
        raise AudioError(f"truncated or damaged: nothing is {first / sound.samplerate:.3f} s from its start") from None
    pieces, reached = [np.zeros(0, dtype=np.float32)], first
    for block in sound_blocks(sound):
        reached += len(block)
        pieces.append(block[:, channel])
        if last is not None and reached >= last:
            break
    return np.concatenate([piece for piece in pieces if len(piece)] or pieces), reached


def count_samples(sound: Any) -> int:
    """Samples of each channel: what the header says, or what decoding the stream to its end shows."""
    return int(sound.frames) if is_sized(sound) else sum(len(block) for block in sound_blocks(sound))


def sound_blocks(sound: Any, digest: SampleDigest | None = None) -> Iterator[Block]:
    """Blocks (n, channels) of all samples, int16 where that loses nothing.

    AudioError where some are missing or NaN, or where together they are not what `digest` expects.
    """
    import soundfile

    kind = "int16" if sound.subtype in _INTEGER_SUBTYPES else "float32"
    most, num_samples = _most_samples(sound), 0
    while True:
        try:
            block: Block = sound.read(most, dtype=kind, always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise AudioError(f"truncated or damaged: {_reason(error)}") from None
        if not len(block):
            break
        num_samples += len(block)
        if kind == "float32" and not np.isfinite(block).all():
            raise AudioError("NaN or infinite samples")
        if digest is not None:
            digest.add(block, sound.subtype)
        yield block
    if num_samples < sound.frames and is_sized(sound):
        raise AudioError(f"truncated: holds {num_samples} of {sound.frames} samples")
    if digest is not None and digest.differs():
        raise AudioError("truncated or damaged: its samples are not those of its MD5")


def samples_of_block(num_channels: int) -> int:
    """Samples of each channel that are read at a time, so that a block is as large whatever the channels."""
    return max(1, BLOCK_SAMPLES // num_channels)


def _most_samples(sound: Any) -> int:
    return samples_of_block(int(sound.channels))


def _reason(error: Exception) -> str:
    """libsndfile's words without the file object's repr."""
    return str(getattr(error, "error_string", "") or error).strip().rstrip(".") or type(error).__name__
