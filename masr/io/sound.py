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
    with sound:
        yield sound


def read_span(sound: Any, first: int, last: int) -> Block:
    """(last - first, channels) float32 samples of a span that the header promises."""
    import soundfile

    try:
        sound.seek(first)
        samples: Block = sound.read(last - first, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise AudioError(f"truncated or damaged: {_reason(error)}") from None
    if len(samples) < last - first:
        raise AudioError(f"truncated: holds {first + len(samples)} of {sound.frames} samples")
    return samples


def sound_blocks(sound: Any, digest: SampleDigest) -> Iterator[Block]:
    """Blocks (n, channels) of all samples, int16 where that loses nothing.

    AudioError where some are missing or NaN, or where together they are not what `digest` expects.
    """
    import soundfile

    kind = "int16" if sound.subtype in _INTEGER_SUBTYPES else "float32"
    num_samples = 0
    while True:
        try:
            block: Block = sound.read(BLOCK_SAMPLES, dtype=kind, always_2d=True)
        except (soundfile.LibsndfileError, RuntimeError) as error:
            raise AudioError(f"truncated or damaged: {_reason(error)}") from None
        if not len(block):
            break
        num_samples += len(block)
        if kind == "float32" and not np.isfinite(block).all():
            raise AudioError("NaN or infinite samples")
        digest.add(block, sound.subtype)
        yield block
    if num_samples < sound.frames < _UNKNOWN_SAMPLES:
        raise AudioError(f"truncated: holds {num_samples} of {sound.frames} samples")
    if digest.differs():
        raise AudioError("truncated or damaged: its samples are not those of its MD5")


def _reason(error: Exception) -> str:
    """libsndfile's words without the file object's repr."""
    return str(getattr(error, "error_string", "") or error).strip().rstrip(".") or type(error).__name__
