"""What lies between a speaker and a file: a channel's colour, background noise, a level."""

from __future__ import annotations

import numpy as np

from masr.synth.acoustics import Colour, add_noise, as_float, at_level
from masr.synth.recording import channel, to_int16
from masr.types import Int16Array

NOISES: tuple[Colour, ...] = ("white", "pink", "brown")


def record(
    samples: Int16Array, rng: np.random.Generator, snr_db: float, colour: float = 0.2, level_db: float = -26.0
) -> Int16Array:
    """`samples` through a random channel, with stationary noise `snr_db` below the speech, at `level_db` re full scale.

    `colour` is the strength of the channel's echo taps against the direct sound; 0 leaves the spectrum as it is.
    """
    speech = channel(as_float(samples), rng, colour)
    noisy = add_noise(speech, snr_db, rng, NOISES[int(rng.integers(len(NOISES)))])
    return to_int16(at_level(noisy, level_db))
