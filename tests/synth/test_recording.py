from __future__ import annotations

import numpy as np

from masr.synth.recording import channel, to_int16
from masr.synth.seeding import generator_of

TONE = np.sin(np.arange(16000) * 0.3)


def test_a_loud_recording_is_turned_down_and_not_clipped() -> None:
    assert to_int16(np.array([0.0, 2.0, -4.0])).tolist() == [0, 16220, -32439]
    assert to_int16(np.array([0.0, 0.5, -0.25])).tolist() == [0, 16384, -8192]
    assert len(to_int16(np.zeros(0))) == 0


def test_a_channel_without_colour_changes_nothing() -> None:
    assert np.array_equal(channel(TONE, generator_of(0), 0.0), TONE)
    assert not np.array_equal(channel(TONE, generator_of(0), 0.3), TONE)


def test_a_channel_is_linear_and_the_same_for_the_same_numbers() -> None:
    once, twice = (channel(factor * TONE, generator_of(1), 0.3) for factor in (1.0, 2.0))
    assert np.allclose(2 * once, twice)
    assert not np.allclose(once, channel(TONE, generator_of(2), 0.3))


def test_more_colour_is_a_stronger_filter() -> None:
    impulse = np.zeros(100)
    impulse[0] = 1.0
    weak, strong = (np.abs(channel(impulse, generator_of(3), colour)[1:]).sum() for colour in (0.1, 0.4))
    assert np.isclose(strong, 4 * weak)
