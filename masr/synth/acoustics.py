"""What a room, a crowd, a telephone or a tape does to speech.

Samples are float64 in about [-1, 1] at 16 kHz; every function returns as many as it was given. Whatever is random
comes from the generator that is passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from masr.synth.recording import Samples
from masr.types import Int16Array

SAMPLE_RATE = 16000
Colour = Literal["white", "pink", "brown"]
_SLOPES: dict[Colour, float] = {"white": 0.0, "pink": 1.0, "brown": 2.0}
"""How steeply the noise's power falls with frequency: by 0, 3 or 6 dB an octave."""


def as_float(samples: Int16Array) -> Samples:
    """int16 samples as float64 in [-1, 1)."""
    scaled: Samples = samples.astype(np.float64) / 32768.0
    return scaled


def active_power(samples: Samples, frame: int = 320) -> float:
    """Mean square of the 20 ms frames at most 30 dB below the loudest: the pauses do not count."""
    if len(samples) < frame:
        return float(np.mean(samples**2)) if len(samples) else 0.0
    powers = np.mean(samples[: len(samples) // frame * frame].reshape(-1, frame) ** 2, axis=1)
    return float(np.mean(powers[powers >= powers.max() / 1000]))


def at_level(samples: Samples, level_db: float) -> Samples:
    """`samples` with their active power at `level_db` re full scale; turned down where a peak would clip."""
    power = active_power(samples)
    if power <= 0:
        return samples
    scaled: Samples = samples * np.sqrt(10 ** (level_db / 10) / power)
    return np.divide(scaled, max(1.0, float(np.abs(scaled).max()) / 0.97))


def coloured_noise(num_samples: int, generator: np.random.Generator, colour: Colour = "pink") -> Samples:
    """Stationary noise of mean square 1."""
    from scipy.fft import irfft, next_fast_len, rfft

    length = next_fast_len(max(num_samples, 256), real=True)
    bins = rfft(generator.standard_normal(length))
    # Below 30 Hz the slope is flat: there the noise would only eat headroom.
    frequency = np.maximum(np.arange(len(bins)) * SAMPLE_RATE / length, 30.0)
    shaped: Samples = irfft(bins * frequency ** (-_SLOPES[colour] / 2), length)[:num_samples]
    return np.divide(shaped, float(np.sqrt(np.mean(shaped**2))))


def babble(voices: Sequence[Samples], num_samples: int, generator: np.random.Generator) -> Samples:
    """Several people at once, each from a random place of their speech on and as loud as the others; mean square 1."""
    mixed = np.zeros(num_samples)
    for voice in voices:
        start = int(generator.integers(len(voice)))
        positions = np.arange(start, start + num_samples)
        mixed += np.take(voice, positions, mode="wrap") / np.sqrt(max(active_power(voice), 1e-12))
    return np.divide(mixed, np.sqrt(max(float(np.mean(mixed**2)), 1e-12)))


def mix(samples: Samples, noise: Samples, snr_db: float) -> Samples:
    """`noise` (mean square 1) under `samples`, `snr_db` below the power they have while they speak."""
    mixed: Samples = samples + noise * np.sqrt(active_power(samples) / 10 ** (snr_db / 10))
    return mixed


def add_noise(samples: Samples, snr_db: float, generator: np.random.Generator, colour: Colour = "pink") -> Samples:
    """Stationary noise under speech."""
    return mix(samples, coloured_noise(len(samples), generator, colour), snr_db)


def band(samples: Samples, low_hz: float, high_hz: float) -> Samples:
    """`samples` with only the frequencies between; 0 and 8000 leave an end open. Nothing is shifted in time."""
    from scipy.signal import butter, sosfiltfilt

    if low_hz <= 0 and high_hz >= SAMPLE_RATE / 2:
        return samples
    if low_hz <= 0:
        sections = butter(6, high_hz, "lowpass", fs=SAMPLE_RATE, output="sos")
    elif high_hz >= SAMPLE_RATE / 2:
        sections = butter(6, low_hz, "highpass", fs=SAMPLE_RATE, output="sos")
    else:
        sections = butter(6, [low_hz, high_hz], "bandpass", fs=SAMPLE_RATE, output="sos")
    filtered: Samples = sosfiltfilt(sections, samples, padlen=min(300, max(0, len(samples) - 1)))
    return filtered


def mu_law(samples: Samples, levels: int = 256) -> Samples:
    """`samples` through the logarithmic quantiser of telephone lines (G.711 has 256 levels)."""
    mu = levels - 1
    squeezed = np.sign(samples) * np.log1p(mu * np.abs(np.clip(samples, -1, 1))) / np.log1p(mu)
    steps = np.round((squeezed + 1) / 2 * mu) / mu * 2 - 1
    decoded: Samples = np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(mu)) / mu
    return decoded


def telephone(samples: Samples) -> Samples:
    """`samples` through a land line: 300 to 3400 Hz, 8 kHz, mu-law."""
    import soxr

    narrow = soxr.resample(band(samples, 300, 3400), SAMPLE_RATE, 8000)
    wide = soxr.resample(mu_law(narrow), 8000, SAMPLE_RATE)
    return np.pad(wide, (0, max(0, len(samples) - len(wide))))[: len(samples)]


_HOP = 320


def low_bit_rate(samples: Samples, kbit_per_sec: float) -> Samples:
    """`samples` through a coder with too few bits: of a 20 ms MDCT only the largest coefficients are kept, coarsely.

    A kept coefficient costs about 12 bits (its place, sign and 4 bits of size); what is left out turns into the
    holes and birdies that a listener knows from thin streams.
    """
    kept = max(1, round(kbit_per_sec * 1000 * _HOP / SAMPLE_RATE / 12))
    spectra = _mdct(samples)
    if kept < _HOP:
        # Emphasis: high formants are weak but carry speech.
        weight = np.sqrt(np.arange(_HOP) + 8.0)
        threshold = np.partition(np.abs(spectra) * weight, _HOP - kept, axis=1)[:, _HOP - kept]
        spectra = np.where(np.abs(spectra) * weight >= threshold[:, None], spectra, 0.0)
    step = np.maximum(np.abs(spectra).max(axis=1, keepdims=True) / 8, 1e-9)
    return _inverse_mdct(np.round(spectra / step) * step, len(samples))


def _basis() -> tuple[Samples, Samples]:
    """The MDCT's window (2 hops) and its cosines (2 hops x hop)."""
    n, k = np.arange(2 * _HOP)[:, None], np.arange(_HOP)[None, :]
    cosines = np.cos(np.pi / _HOP * (n + 0.5 + _HOP / 2) * (k + 0.5))
    return np.sin(np.pi * (n[:, 0] + 0.5) / (2 * _HOP)), cosines


def _mdct(samples: Samples) -> Samples:
    """(S,) samples -> (frames, hop) coefficients of the MDCT."""
    window, cosines = _basis()
    padded = np.pad(samples, (_HOP, _HOP + -len(samples) % _HOP))
    blocks = np.lib.stride_tricks.sliding_window_view(padded, 2 * _HOP)[::_HOP]
    spectra: Samples = (blocks * window) @ cosines
    return spectra


def _inverse_mdct(spectra: Samples, num_samples: int) -> Samples:
    window, cosines = _basis()
    blocks = (spectra @ cosines.T) * window * (2 / _HOP)
    whole = np.zeros((len(blocks) + 1) * _HOP)
    whole[: len(blocks) * _HOP] += blocks[:, :_HOP].ravel()
    whole[_HOP:] += blocks[:, _HOP:].ravel()
    return whole[_HOP : _HOP + num_samples]


def tape(samples: Samples, generator: np.random.Generator) -> Samples:
    """`samples` from an old reel: unsteady speed, saturation, mains hum, hiss, nothing above 5 kHz."""
    time_sec = np.arange(len(samples)) / SAMPLE_RATE
    phases = generator.uniform(0, 2 * np.pi, 3)
    # Wow (0.6 Hz, +-0.4 % of the speed) and flutter (7 Hz, +-0.1 %), written as shifts in time.
    shift = sum(
        depth / (2 * np.pi * hertz) * np.sin(2 * np.pi * hertz * time_sec + phase)
        for depth, hertz, phase in ((0.004, 0.6, phases[0]), (0.001, 7.0, phases[1]))
    )
    warped = np.interp(time_sec + shift, time_sec, at_level(samples, -20.0))
    driven = np.tanh(3.0 * warped) / 3.0
    hum = sum(np.sin(2 * np.pi * 50 * n * time_sec + n * phases[2]) / n for n in (1, 2, 3))
    worn = add_noise(band(driven, 80, 5000), 20.0, generator, "white")
    dirty: Samples = worn + hum * np.sqrt(active_power(driven)) * 0.03
    return dirty
