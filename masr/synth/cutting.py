"""How a long recording from the web becomes utterances: speech found by its energy, noise measured, long stretches cut.

The steps, limits and file names are those of the pipeline that made Dhwani. Where it calls a trained voice activity
detector and a blind estimate of the signal-to-noise ratio by amplitude statistics, two short rules on frame energies
stand here: both are exact enough for speech with stationary noise, which is what the embedded corpus holds.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from masr.synth.audio_out import SAMPLE_RATE
from masr.types import Int16Array

MIN_SNR_DB = 15.0
"""A stretch that is noisier is rejected."""
WHOLE_SEC = 25
"""A stretch is left whole up to this many whole seconds."""
PIECE_SEC = 20
_FRAME_SAMPLES = 480
"""30 ms."""
_FLOOR_SHARE = 0.1
"""The quietest tenth of the frames tells the noise."""
_ABOVE_FLOOR_DB = 6.0
_MAX_PAUSE_FRAMES = 10
"""A pause of 300 ms ends a stretch."""
_MARGIN_FRAMES = 4
_MIN_SPEECH_FRAMES = 15


def find_speech(samples: Int16Array) -> list[tuple[int, int]]:
    """Stretches of speech as (first sample, sample after the last), in order, none touching another."""
    energy = _frame_energy(samples)
    if not len(energy):
        return []
    loud = np.flatnonzero(energy > _floor(energy) * 10 ** (_ABOVE_FLOOR_DB / 10))
    if not len(loud):
        return []
    breaks = np.flatnonzero(np.diff(loud) > _MAX_PAUSE_FRAMES)
    firsts = loud[np.concatenate([[0], breaks + 1])]
    lasts = loud[np.concatenate([breaks, [len(loud) - 1]])]
    return [
        (max(0, first - _MARGIN_FRAMES) * _FRAME_SAMPLES, min(len(energy), last + 1 + _MARGIN_FRAMES) * _FRAME_SAMPLES)
        for first, last in zip(firsts.tolist(), lasts.tolist())
        if last - first + 1 >= _MIN_SPEECH_FRAMES
    ]


def estimate_snr_db(samples: Int16Array) -> float:
    """Speech against noise: what the quietest frames hold is noise, what the rest holds beyond that is speech."""
    energy = _frame_energy(samples)
    if not len(energy):
        return -np.inf
    noise = max(_floor(energy), 1e-12)
    speech = max(float(energy.mean()) - noise, 1e-12)
    return float(10 * np.log10(speech / noise))


def cut(name: str, samples: Int16Array) -> Iterator[tuple[str, Int16Array]]:
    """File names without extension, and samples: whole, or `broken-<name>-<i>` of 20 s each and a rest."""
    if len(samples) // SAMPLE_RATE <= WHOLE_SEC:
        yield name, samples
        return
    length = PIECE_SEC * SAMPLE_RATE
    for number, start in enumerate(range(0, len(samples), length)):
        yield f"broken-{name}-{number}", samples[start : start + length]


def stretch_name(number: int, recording: str) -> str:
    """The name that the detector gives to a recording's stretch."""
    return f"vad_{number:02d}_{recording}"


def _frame_energy(samples: Int16Array) -> npt.NDArray[np.float64]:
    """Mean square of each whole frame, full scale being 1."""
    num_frames = len(samples) // _FRAME_SAMPLES
    frames = samples[: num_frames * _FRAME_SAMPLES].reshape(num_frames, _FRAME_SAMPLES) / 32768.0
    energy: npt.NDArray[np.float64] = np.mean(frames**2, axis=1)
    return energy


def _floor(energy: npt.NDArray[np.float64]) -> float:
    """Mean of the quietest frames."""
    quietest = np.sort(energy)[: max(1, int(len(energy) * _FLOOR_SHARE))]
    return float(quietest.mean())
