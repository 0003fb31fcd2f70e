from __future__ import annotations

import numpy as np
import pytest

from masr.synth.microphone import record
from masr.synth.seeding import generator_of

TONE = (8000 * np.sin(np.arange(16000) * 0.3)).astype(np.int16)


@pytest.mark.parametrize("snr_db", [0.0, 10.0, 30.0])
def test_noise_lies_so_far_below_the_speech(snr_db: float) -> None:
    out = record(TONE, generator_of(1), snr_db, colour=0.0).astype(float)
    scale = np.dot(out, TONE) / np.dot(TONE.astype(float), TONE)
    rest = out - scale * TONE
    assert 10 * np.log10(np.mean((scale * TONE) ** 2) / np.mean(rest**2)) == pytest.approx(snr_db, abs=0.4)


def test_the_level_is_the_one_asked_for() -> None:
    out = record(TONE, generator_of(1), 40.0, level_db=-30.0) / 32768.0
    assert 10 * np.log10(np.mean(out**2)) == pytest.approx(-30.0, abs=0.1)


def test_the_same_numbers_give_the_same_recording() -> None:
    one, two, other = (record(TONE, generator_of(n), 20.0) for n in (3, 3, 4))
    assert np.array_equal(one, two)
    assert not np.array_equal(one, other)


def test_silence_stays_finite() -> None:
    out = record(np.zeros(500, np.int16), generator_of(0), 20.0)
    assert out.dtype == np.int16
    assert len(out) == 500
