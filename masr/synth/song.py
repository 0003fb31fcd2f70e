"""Singing: speech whose vowels are held, and whose pitch is drawn to the notes of a melody.

Pitch-synchronous overlap-add: two-period grains of the spoken wave are laid down anew, at the wanted pitch and along
a stretched time, so that voice and words stay and the style changes. `amount` goes from 0 (speech as it was) to 1
(song); between them lies chant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from masr.synth.acoustics import as_float
from masr.synth.espeak import SAMPLE_RATE, Speech
from masr.synth.recording import Samples
from masr.types import Span

_HOP = 160
_LOWEST_HZ, _HIGHEST_HZ = 60.0, 400.0
_UNVOICED_STEP = 80
"""Samples from one grain of unvoiced sound to the next: 5 ms."""
_VOWELS = frozenset("aeiouyɑɒæɐəɛɜɪɔʊʌɨɤøœ")


@dataclass(frozen=True, slots=True)
class Style:
    """How something is sung."""

    beat_sec: float
    """Length of a syllable of one beat."""
    beats: tuple[float, ...]
    """Lengths of syllables in beats, in turn."""
    scale: tuple[int, ...]
    """The notes of the scale, in semitones over the tonic."""
    tonic_hz: float
    vibrato: float
    """How far held notes tremble, in semitones up and down."""
    amount: float = 1.0
    """How far it is from speech, 0 to 1."""
    glide_sec: float = 0.06
    """Time from one note to the next."""


def melody(style: Style, num_notes: int, rng: np.random.Generator) -> Samples:
    """Notes in semitones over the tonic: steps up and down the scale that come home at the end."""
    steps = np.cumsum(rng.choice([-2, -1, -1, 0, 1, 1, 2], num_notes))
    # Reflected at both ends of the scale.
    top = len(style.scale) - 1
    folded = np.abs((steps + top) % (2 * top) - top) if top else np.zeros(num_notes, dtype=np.int64)
    notes: Samples = np.array(style.scale, dtype=np.float64)[folded]
    if num_notes:
        notes[-1] = style.scale[0]
    return notes


def sing(speech: Speech, style: Style, rng: np.random.Generator) -> Samples:
    """The words of `speech` in the style; longer than they were."""
    samples = as_float(speech.samples)
    pitch = pitch_track(samples)
    nuclei = [span for span in speech.phones if _VOWELS.intersection(span.label)]
    if not nuclei:
        return samples
    notes = melody(style, len(nuclei), rng)
    places, sources = _stretched(nuclei, style, len(samples))
    wanted = wanted_pitch(nuclei, notes, style, places, sources)
    return _overlap_add(samples, pitch, places, sources, wanted, style.amount)


def pitch_track(samples: Samples) -> Samples:
    """Fundamental frequency every 10 ms, 0 where there is no voice: the highest peak of the autocorrelation."""
    width = 640
    padded = np.pad(samples, (width // 2, width // 2 + _HOP))
    frames = np.lib.stride_tricks.sliding_window_view(padded, width)[::_HOP]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * np.hanning(width)
    spectra = np.abs(np.fft.rfft(frames, 2 * width, axis=1)) ** 2
    window = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(width), 2 * width)) ** 2)
    shortest, longest = int(SAMPLE_RATE / _HIGHEST_HZ), int(SAMPLE_RATE / _LOWEST_HZ)
    # Divided by the window's own: otherwise short periods would always win.
    correlation = np.fft.irfft(spectra, axis=1)[:, : longest + 1] / (window[: longest + 1] / window[0])
    energy = correlation[:, 0]
    inside = correlation[:, shortest:]
    best = inside.max(axis=1)
    # The first lag that is nearly as good as the best: twice the period fits as well.
    lags = shortest + np.argmax(inside >= 0.93 * best[:, None], axis=1)
    lags = _uphill(correlation, lags)
    voiced = (best > 0.5 * energy) & (energy > 1e-4 * energy.max(initial=0.0)) & (energy > 0)
    return np.where(voiced, SAMPLE_RATE / lags, 0.0)


def _uphill(correlation: Samples, lags: Samples) -> Samples:
    """The lag at the top of the peak that each first good lag lies on."""
    rows = np.arange(len(lags))
    for _ in range(20):
        ahead = np.minimum(lags + 1, correlation.shape[1] - 1)
        lags = np.where(correlation[rows, ahead] > correlation[rows, lags], ahead, lags)
    return lags


def _stretched(nuclei: Sequence[Span], style: Style, num_samples: int) -> tuple[Samples, Samples]:
    """Knots of the time map: seconds in the song, seconds in the speech. Only vowels are stretched."""
    end_sec = num_samples / SAMPLE_RATE
    sources, places = [0.0], [0.0]
    for index, nucleus in enumerate(nuclei):
        next_sec = nuclei[index + 1].start_sec if index + 1 < len(nuclei) else end_sec
        rest = next_sec - nucleus.end_sec
        wish = style.beats[index % len(style.beats)] * style.beat_sec - rest
        spoken = nucleus.end_sec - nucleus.start_sec
        held = spoken * max(1.0, wish / spoken) ** style.amount
        places.append(places[-1] + nucleus.start_sec - sources[-1])
        sources.append(nucleus.start_sec)
        places.append(places[-1] + held)
        sources.append(nucleus.end_sec)
    places.append(places[-1] + end_sec - sources[-1])
    sources.append(end_sec)
    return np.array(places), np.array(sources)


def wanted_pitch(nuclei: Sequence[Span], notes: Samples, style: Style, places: Samples, sources: Samples) -> Samples:
    """The melody every 10 ms of the song, in Hz: notes change with the syllable, glide, and tremble when held."""
    starts = np.interp([nucleus.start_sec for nucleus in nuclei], sources, places)
    times = np.arange(0, places[-1] + 0.01, 0.01)
    current = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, len(notes) - 1)
    before = notes[np.maximum(current - 1, 0)]
    since = np.maximum(times - starts[current], 0)
    share = np.clip(since / max(style.glide_sec, 1e-3), 0, 1)
    semitones = before + (notes[current] - before) * share * share * (3 - 2 * share)
    depth = style.vibrato * np.clip((since - 0.12) / 0.2, 0, 1)
    semitones = semitones + depth * np.sin(2 * np.pi * 5.5 * since)
    hertz: Samples = style.tonic_hz * 2 ** (semitones / 12)
    return hertz


def _overlap_add(
    samples: Samples, pitch: Samples, places: Samples, sources: Samples, wanted: Samples, amount: float
) -> Samples:
    """The song, grain after grain; between speech and song the pitch is between them too."""
    marks = _marks(samples, pitch)
    whole = np.zeros(int(places[-1] * SAMPLE_RATE) + 1024)
    place = 0.0
    while place < places[-1] * SAMPLE_RATE:
        source = np.interp(place / SAMPLE_RATE, places, sources) * SAMPLE_RATE
        spoken = pitch[min(int(source / _HOP + 0.5), len(pitch) - 1)]
        mark = int(marks[_nearest(marks, source)])
        if spoken > 0:
            period = SAMPLE_RATE / spoken
            note = wanted[min(int(place / _HOP), len(wanted) - 1)]
            step = SAMPLE_RATE / (spoken ** (1 - amount) * note**amount)
        else:
            period = step = float(_UNVOICED_STEP)
        _lay(samples, mark, round(period), whole, round(place))
        place += step
    return whole[: int(places[-1] * SAMPLE_RATE)]


def _lay(samples: Samples, mark: int, period: int, whole: Samples, place: int) -> None:
    """Adds the two periods around `mark` at `place`."""
    first = max(-period, -mark, -place)
    last = min(period, len(samples) - mark, len(whole) - place)
    if last > first:
        window = 0.5 + 0.5 * np.cos(np.pi * np.arange(first, last) / period)
        whole[place + first : place + last] += samples[mark + first : mark + last] * window


def _nearest(marks: Samples, source: float) -> int:
    right = int(np.searchsorted(marks, source))
    if right == 0:
        return 0
    if right == len(marks):
        return right - 1
    return right if marks[right] - source < source - marks[right - 1] else right - 1


def _marks(samples: Samples, pitch: Samples) -> Samples:
    """Places of grains: one a period where there is voice, at the wave's peak; one every 5 ms where there is none."""
    marks: list[int] = []
    place = 0
    while place < len(samples):
        hertz = pitch[min(int(place / _HOP + 0.5), len(pitch) - 1)]
        if hertz <= 0:
            marks.append(place)
            place += _UNVOICED_STEP
            continue
        period = int(SAMPLE_RATE / hertz)
        slack = max(1, period // (6 if marks else 2))
        low, high = max(0, place - slack), min(len(samples), place + slack + 1)
        peak = low + int(np.argmax(samples[low:high]))
        peak = max(peak, marks[-1] + period // 2) if marks else peak
        marks.append(peak)
        place = peak + period
    return np.array(marks, dtype=np.float64)
