"""Songs: the pitch is the melody's, vowels are held, and the words keep their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.synth.espeak import Speech, Voice, speak
from masr.synth.song import Style, melody, pitch_track, sing

STYLE = Style(0.7, (1.0,), (0, 4, 7), 150.0, 0.0, glide_sec=0.03)


@pytest.fixture(scope="module")
def spoken() -> Speech:
    return speak("ma1 ma5 zai4 shan1 shang4.", Voice("cmn-latn-pinyin", "m3", 45, 60, 140))


@pytest.mark.parametrize("hertz", [75.0, 120.0, 210.0, 350.0])
def test_the_pitch_of_a_pulse_train(hertz: float) -> None:
    samples = np.zeros(8000)
    samples[(np.arange(0, 0.5, 1 / hertz) * 16000).astype(int)] = 1.0
    samples = np.convolve(samples, np.exp(-np.arange(60) / 12))[:8000]
    track = pitch_track(samples)[5:-5]
    assert np.median(track) == pytest.approx(hertz, rel=0.03)
    assert np.mean(np.abs(track / hertz - 1) < 0.05) > 0.95


def test_noise_and_silence_have_no_pitch() -> None:
    assert np.mean(pitch_track(np.random.default_rng(0).standard_normal(16000)) > 0) < 0.1
    assert not pitch_track(np.zeros(4000)).any()


def test_a_held_tone_is_sung_at_the_tonic(spoken: Speech) -> None:
    sung = sing(spoken, replace(STYLE, scale=(0,)), np.random.default_rng(0))
    track = pitch_track(sung)
    voiced = track[track > 0]
    assert np.median(voiced) == pytest.approx(150.0, rel=0.03)
    assert np.mean(np.abs(12 * np.log2(voiced / 150)) < 0.7) > 0.8


def test_syllables_take_their_beats(spoken: Speech) -> None:
    sung = sing(spoken, STYLE, np.random.default_rng(0))
    # Five syllables of 0.7 s, and the consonant before the first.
    assert 5 * 0.7 <= len(sung) / 16000 + 0.1 <= 5 * 0.7 + 0.8
    assert len(sung) > 1.5 * len(spoken.samples)
    assert 0.2 < np.std(sung) / np.std(spoken.samples / 32768) < 2


def test_no_amount_is_speech(spoken: Speech) -> None:
    plain = sing(spoken, replace(STYLE, amount=0.0), np.random.default_rng(0))
    assert abs(len(plain) - len(spoken.samples)) < 200
    said, heard = pitch_track(spoken.samples / 32768), pitch_track(plain)
    both = (said[: len(heard)] > 0) & (heard[: len(said)] > 0)
    assert np.median(np.abs(np.log2(heard[: len(said)][both] / said[: len(heard)][both]))) < 0.03


def test_half_way_lies_between(spoken: Speech) -> None:
    lengths = [len(sing(spoken, replace(STYLE, amount=a), np.random.default_rng(0))) for a in (0.0, 0.5, 1.0)]
    assert lengths[0] < lengths[1] < lengths[2]


@given(st.integers(0, 40), st.integers(0, 99))
def test_melodies_stay_in_the_scale_and_come_home(num_notes: int, seed: int) -> None:
    notes = melody(STYLE, num_notes, np.random.default_rng(seed))
    assert len(notes) == num_notes
    assert set(notes) <= set(map(float, STYLE.scale))
    if num_notes:
        assert notes[-1] == 0
