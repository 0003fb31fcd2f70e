"""What sounds in place of speech: noise, chords, next to nothing; each a function of a key, its mean square 1.

Shapes: S samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from masr.data.augment import NoiseConfig, NoiseSource
from masr.features.mixing import convolved, pink_response
from masr.maths.keyed_random import normal, uniform
from masr.types import FloatArray

_HISS, _CHORD, _PLACE = 84, 85, 86
_PINK_TAPS = 4096
_BEAT_SEC = 0.4
_DECAY = 3.0
"""A chord falls by e ** -3 in a second."""
_LOWEST_NOTE, _NUM_NOTES, _HARMONICS = 45, 24, 6
"""Roots lie from A2 up, over two octaves; 440 Hz is note 69."""
_QUIETER_DB = 60.0
"""Silence is hiss, so far below speech: no microphone gives zeros, and their logarithm is another thing than quiet."""


class OtherSounds:
    """Noise and music, from data directories where those are named and made where not."""

    def __init__(self, sample_rate: int, folders: Mapping[str, Path]) -> None:
        """`folders` are data directories by kind: noise, music."""
        self.sample_rate = sample_rate
        self.pink = pink_response(_PINK_TAPS, torch.device("cpu"))
        self.sources = {kind: NoiseSource(folder, NoiseConfig(), sample_rate) for kind, folder in folders.items()}

    def sound(self, kind: str, utt: str, key: Tensor, size: int) -> FloatArray:
        """(S,) of mean square 1, in a stretch of this utterance; a folder's utterance of its name is not taken."""
        if kind in self.sources:
            which, where = uniform(key, 2, _PLACE)[0].double().tolist()
            return self.sources[kind].voice(utt, which, where, size)
        if kind == "music":
            return _even(chords(key, size, self.sample_rate))
        hiss = normal(key, size, _HISS)
        return _even((convolved(hiss, self.pink[None]) if kind == "noise" else hiss)[0].numpy())

    def level_db(self, kind: str, drawn_db: float) -> float:
        """How loud it is beside the utterance."""
        return -_QUIETER_DB if kind == "silence" else drawn_db


def chords(key: Tensor, size: int, sample_rate: int) -> FloatArray:
    """(S,) major and minor triads with their octave, one after another, struck and dying away."""
    beat = round(_BEAT_SEC * sample_rate)
    draws = uniform(key, 2 * (size // beat + 1), _CHORD)[0].double().numpy().reshape(-1, 2)
    third = np.where(draws[:, 1] < 0.5, 3, 4)
    above = np.stack([np.zeros_like(third), third, np.full_like(third, 7), np.full_like(third, 12)], axis=1)
    notes = _LOWEST_NOTE + np.floor(draws[:, :1] * _NUM_NOTES) + above
    place = np.arange(size)
    time_sec = (place % beat) / sample_rate
    turns = 440.0 * 2.0 ** ((notes[place // beat] - 69) / 12) * time_sec[:, None]
    tones = sum(np.sin(2 * np.pi * number * turns).sum(axis=1) / number for number in range(1, _HARMONICS + 1))
    return np.asarray(tones * np.exp(-_DECAY * time_sec), dtype=np.float32)


def _even(samples: FloatArray) -> FloatArray:
    level = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    return np.asarray(samples / level if level > 0 else samples, dtype=np.float32)
