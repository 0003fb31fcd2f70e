"""Rooms: images against mirroring by hand, and the ringing that was asked for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.maths.room_impulse import (
    Point,
    Room,
    decay_time,
    draw_point,
    draw_room,
    images,
    impulse_response,
    reflection_for,
    room,
)
from reference import image_source

SIZE, SOURCE, MICROPHONE = (3.1, 2.7, 2.3), (1.2, 0.9, 1.4), (2.2, 1.9, 0.8)


@pytest.mark.parametrize(
    ("source", "microphone", "reach"),
    [
        (SOURCE, MICROPHONE, 17.0),
        ((3.05, 2.65, 2.25), (3.0, 2.6, 2.2), 12.9),  # in one corner, and the farthest images are just within reach
        ((3.05, 0.05, 2.25), (0.05, 2.65, 0.05), 12.9),
    ],
)
def test_the_images_are_those_of_mirrors(source: Point, microphone: Point, reach: float) -> None:
    distances, bounces = images(SIZE, source, microphone, reach)
    expected = image_source.images(SIZE, source, microphone, reach)
    found = sorted(zip(distances.tolist(), bounces.astype(int).tolist(), strict=True))
    assert len(found) == len(expected)
    assert len(found) > 300
    np.testing.assert_allclose([d for d, _ in found], [d for d, _ in expected], atol=1e-9)
    assert sum(n for _, n in found) == sum(n for _, n in expected)


def test_the_response_is_the_sum_of_the_echoes() -> None:
    """Below 2 kHz and above the high-pass, where the fine grid of echoes is exact enough."""
    from scipy.signal import butter, sosfilt

    rt60_sec = 0.12
    fast = impulse_response(Room(SIZE, rt60_sec), SOURCE, MICROPHONE)
    reflection = reflection_for(rt60_sec, *images(SIZE, SOURCE, MICROPHONE, rt60_sec * 343.0))
    exact = np.array(image_source.response(SIZE, SOURCE, MICROPHONE, reflection, 16000, 1200))
    exact = sosfilt(butter(2, 60, "highpass", fs=16000, output="sos"), exact)
    low_pass = butter(8, 2000, "lowpass", fs=16000, output="sos")
    a, b = sosfilt(low_pass, fast[:1200]), sosfilt(low_pass, exact)
    assert np.linalg.norm(a - b) / np.linalg.norm(b) < 0.05


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), rt60_sec=st.floats(0.2, 0.7), small=st.booleans())
def test_a_room_rings_as_long_as_asked(seed: int, rt60_sec: float, small: bool) -> None:
    rng = np.random.default_rng(seed)
    place = draw_room(rng, rt60_sec, small)
    response = impulse_response(place, draw_point(rng, place), draw_point(rng, place))
    assert decay_time(response**2, 1 / 16000) == pytest.approx(rt60_sec, rel=0.2)


def test_the_direct_sound_comes_first_at_its_own_level() -> None:
    response = impulse_response(Room(SIZE, 0.3), SOURCE, MICROPHONE)
    assert int(np.argmax(np.abs(response))) <= 1
    assert response[0] == pytest.approx(1.0, abs=0.05)


def test_speech_keeps_its_length_and_its_start() -> None:
    samples = np.zeros(4000)
    samples[1000] = 1.0
    heard = room(samples, Room(SIZE, 0.2), SOURCE, MICROPHONE)
    assert len(heard) == 4000
    assert np.abs(heard[:999]).max() < 0.01
    assert np.abs(heard[1200:]).max() > 0.01


def test_a_microphone_inside_the_mouth_is_refused() -> None:
    with pytest.raises(ValueError, match="where the source is"):
        impulse_response(Room(SIZE, 0.2), SOURCE, SOURCE)


def test_decay_of_a_plain_exponential() -> None:
    time_sec = np.arange(16000) / 16000
    assert decay_time(100 ** (-3 * time_sec / 0.4), 1 / 16000) == pytest.approx(0.4, rel=0.01)
