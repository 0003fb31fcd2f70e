"""Noise at the level asked for, bands where they were put, codecs that keep what they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.synth import acoustics
from masr.synth.espeak import Voice, speak
from masr.synth.recording import Samples

RATE = 16000


@pytest.fixture(scope="module")
def speech() -> Samples:
    spoken = speak("the old sailor carried a lamp to the harbour, and she saw six ships.", Voice("en-us", "m3"))
    return acoustics.as_float(spoken.samples)


def spectrum(samples: Samples) -> tuple[Samples, Samples]:
    """Frequencies in Hz, power."""
    return np.fft.rfftfreq(len(samples), 1 / RATE), np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2


def power_between(samples: Samples, low_hz: float, high_hz: float) -> float:
    frequency, power = spectrum(samples)
    return float(power[(frequency >= low_hz) & (frequency < high_hz)].sum())


def test_pauses_do_not_count_as_speech(speech: Samples) -> None:
    padded = np.concatenate([np.zeros(RATE), speech, np.zeros(3 * RATE)])
    assert acoustics.active_power(padded) == pytest.approx(acoustics.active_power(speech), rel=0.05)


@settings(max_examples=20, deadline=None)
@given(snr_db=st.floats(-5, 45), seed=st.integers(0, 1000), colour=st.sampled_from(["white", "pink", "brown"]))
def test_noise_lies_as_far_below_as_asked(snr_db: float, seed: int, colour: acoustics.Colour) -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE) * 0.3
    noisy = acoustics.add_noise(tone, snr_db, np.random.default_rng(seed), colour)
    noise = noisy - tone
    assert 10 * np.log10(np.mean(tone**2) / np.mean(noise**2)) == pytest.approx(snr_db, abs=0.1)


@pytest.mark.parametrize(("colour", "fall_db"), [("white", 0.0), ("pink", 3.01), ("brown", 6.02)])
def test_colours_fall_as_their_names_say(colour: acoustics.Colour, fall_db: float) -> None:
    noise = acoustics.coloured_noise(1 << 18, np.random.default_rng(0), colour)
    octaves = [power_between(noise, low, 2 * low) / low for low in (250, 500, 1000, 2000)]
    falls = -10 * np.diff(np.log10(octaves))
    np.testing.assert_allclose(falls, fall_db, atol=0.5)


def test_the_same_generator_gives_the_same_noise() -> None:
    a, b = (acoustics.coloured_noise(1000, np.random.default_rng(seed)) for seed in (3, 3))
    np.testing.assert_array_equal(a, b)


def test_at_level(speech: Samples) -> None:
    assert 10 * np.log10(acoustics.active_power(acoustics.at_level(speech, -26))) == pytest.approx(-26, abs=0.01)
    assert np.abs(acoustics.at_level(speech, 6)).max() <= 0.97 + 1e-9
    np.testing.assert_array_equal(acoustics.at_level(np.zeros(800), -26), np.zeros(800))


def test_a_band_keeps_what_lies_in_it_and_where_it_was() -> None:
    noise = np.random.default_rng(0).standard_normal(RATE)
    filtered = acoustics.band(noise, 300, 3400)
    kept = power_between(filtered, 400, 3200) / power_between(noise, 400, 3200)
    assert kept == pytest.approx(1, rel=0.05)
    assert power_between(filtered, 0, 150) < 1e-3 * power_between(noise, 0, 150)
    assert power_between(filtered, 4500, 8000) < 1e-3 * power_between(noise, 4500, 8000)
    pulse = np.zeros(2001)
    pulse[1000] = 1
    assert int(np.argmax(acoustics.band(pulse, 0, 4000))) == 1000
    np.testing.assert_array_equal(acoustics.band(noise, 0, 8000), noise)


def test_the_telephone_is_narrow_and_in_time(speech: Samples) -> None:
    heard = acoustics.telephone(speech)
    assert len(heard) == len(speech)
    assert power_between(heard, 4100, 8000) < 1e-4 * power_between(heard, 300, 3400)
    assert power_between(heard, 0, 150) < 1e-3 * power_between(heard, 300, 3400)
    inside = acoustics.band(speech, 300, 3400)
    assert np.corrcoef(heard, inside)[0, 1] > 0.99


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50))
def test_mu_law_errs_in_proportion(values: list[float]) -> None:
    samples = np.array(values)
    error = np.abs(acoustics.mu_law(samples) - samples)
    assert np.all(error <= 0.03 * np.abs(samples) + 1e-3)


def test_mu_law_is_pinned() -> None:
    """G.711's curve: F(x) = ln(1 + 255 x) / ln 256, in 256 levels."""
    assert len(np.unique(acoustics.mu_law(np.linspace(-1, 1, 100001)))) == 256
    assert acoustics.mu_law(np.array([1.0]))[0] == pytest.approx(1.0)
    assert acoustics.mu_law(np.array([0.1]))[0] == pytest.approx(0.09979, abs=2e-3)


def test_fewer_bits_lose_more(speech: Samples) -> None:
    errors = [np.linalg.norm(acoustics.low_bit_rate(speech, kbit) - speech) for kbit in (4, 16, 64, 192)]
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 3 * errors[-1]
    assert len(acoustics.low_bit_rate(speech, 8)) == len(speech)


def test_the_transform_coder_is_exact_without_quantising() -> None:
    samples = np.random.default_rng(0).standard_normal(4567)
    rebuilt = acoustics._inverse_mdct(acoustics._mdct(samples), len(samples))
    np.testing.assert_allclose(rebuilt, samples, atol=1e-10)


def test_tape_hums_hisses_and_wavers(speech: Samples) -> None:
    worn = acoustics.tape(np.concatenate([speech, np.zeros(RATE)]), np.random.default_rng(0))
    quiet = worn[-RATE // 2 :]
    assert power_between(quiet, 45, 55) > 10 * power_between(quiet, 60, 70)
    assert power_between(quiet, 5000, 8000) > 0
    tone = np.sin(2 * np.pi * 1000 * np.arange(4 * RATE) / RATE) * 0.1
    clean, wavering = (power_between(x, 980, 998) for x in (tone, acoustics.tape(tone, np.random.default_rng(0))))
    assert wavering > 100 * clean


def test_babble_is_everyone_at_unit_power(speech: Samples) -> None:
    crowd = acoustics.babble([speech, speech[::-1] * 0.1], 3 * RATE, np.random.default_rng(0))
    assert len(crowd) == 3 * RATE
    assert np.mean(crowd**2) == pytest.approx(1.0)
