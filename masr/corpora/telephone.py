"""Sound without a header, as telephone exchanges keep it: G.722, GSM 06.10, A-law. Decoded by FFmpeg through PyAV.

libsndfile knows no G.722, and reads GSM from a path alone; what has a header (wav, Ogg, FLAC) it reads
(masr/io/audio.py).
"""

from __future__ import annotations

import io
import wave

import numpy as np

from masr.errors import AudioError, MissingPackageError

RATES = {".g722": 16000, ".gsm": 8000, ".alaw": 8000}
"""Ending -> samples a second, which these files do not say themselves."""
_FRAME_BYTES = {".gsm": 33}


def to_wav(content: bytes, suffix: str) -> bytes:
    """The bytes of a 16-bit wav of the same samples; `suffix` is a key of RATES. AudioError where none come out."""
    try:
        import av
    except ImportError:
        raise MissingPackageError(
            f"{suffix} is decoded by PyAV, which is not installed", fix="pip install av, or leave those packages out"
        ) from None
    if not content:
        raise AudioError("empty: no bytes")
    frame_bytes = _FRAME_BYTES.get(suffix, 1)
    if len(content) % frame_bytes:
        raise AudioError(f"truncated or damaged: {len(content)} bytes are no whole number of frames of {frame_bytes}")
    options = {"sample_rate": str(RATES[suffix])} if suffix == ".alaw" else {}
    try:
        with av.open(io.BytesIO(content), mode="r", format=suffix[1:], options=options) as sound:
            pieces = [frame.to_ndarray().reshape(-1) for frame in sound.decode(audio=0)]
    except (av.FFmpegError, IndexError) as error:
        raise AudioError(f"not audio: {error}") from None
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.int16)
    stream = io.BytesIO()
    with wave.open(stream, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATES[suffix])
        out.writeframes(samples.astype("<i2").tobytes())
    return stream.getvalue()
