"""Rooms and noise for one utterance at a time, by the definitions, in float64."""

from __future__ import annotations

import numpy as np


def in_room(speech: np.ndarray, response: np.ndarray) -> np.ndarray:
    """As loud as before, unless a peak would leave [-1, 1]."""
    heard = np.convolve(speech, response)[: len(speech)]
    before, after = np.mean(speech**2), np.mean(heard**2)
    if after > 0:
        heard = heard * np.sqrt(before / after)
    return heard / max(1.0, np.abs(heard).max())


def in_noise(speech: np.ndarray, noise: np.ndarray, snr_db: float, first: int, count: int) -> np.ndarray:
    """Noise from sample `first` on, `count` samples long."""
    heard = noise[first : first + count]
    level = np.mean(heard**2) if count else 0.0
    out = speech.copy()
    if level > 0:
        gain = np.sqrt(np.mean(speech**2) / level / 10 ** (snr_db / 10))
        out[first : first + count] += gain * heard
    return out / max(1.0, np.abs(out).max())
