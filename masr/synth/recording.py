"""Samples between synthesis and file: the colour of a channel, and the way back to int16."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from masr.types import Int16Array

Samples = npt.NDArray[np.float64]
"""Samples in about [-1, 1]."""


def channel(speech: Samples, rng: np.random.Generator, colour: float, num_taps: int = 12) -> Samples:
    """`speech` through a short random filter, as another microphone and another distance change a spectrum."""
    decay = np.exp(-np.arange(1, num_taps) / 3.0)
    taps = np.concatenate([[1.0], colour * decay * rng.standard_normal(num_taps - 1)])
    filtered: Samples = np.convolve(speech, taps)[: len(speech)]
    return filtered


def to_int16(samples: Samples) -> Int16Array:
    """[-1, 1] -> int16; speech that is louder is turned down as a whole, not clipped."""
    peak = float(np.max(np.abs(samples), initial=0.0))
    scaled = samples * (32767.0 * min(1.0, 0.99 / max(peak, 1e-9)))
    return np.round(scaled).astype(np.int16)
