from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from masr.synth.conditions import CONDITIONS, condition_of, record_in
from masr.synth.seeding import generator_of

TIME_SEC = np.arange(32000) / 16000
WORDS = (TIME_SEC % 0.5 < 0.25) * np.sign(np.sin(2 * np.pi * 140 * TIME_SEC))
SPOKEN = (6000 * WORDS).astype(np.int16)
"""A buzz, a quarter of a second on and as long off."""


def heard(condition: str, seed: int = 1) -> np.ndarray:
    return record_in(condition, SPOKEN, generator_of(seed), 0.0, -26.0).astype(float)


def above_4_khz(samples: np.ndarray) -> float:
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(power[len(power) // 2 :].sum() / power.sum())


def pauses_db(samples: np.ndarray, start_sec: float) -> float:
    """Loudness between the words from `start_sec` after each one's end on, against the words."""
    place = TIME_SEC % 0.5
    late = (place > 0.25 + start_sec) & (place < 0.25 + start_sec + 0.05)
    return float(10 * np.log10(np.mean(samples[late] ** 2) / np.mean(samples[place < 0.2] ** 2)))


@pytest.mark.parametrize("seed", range(4))
def test_each_sounds_as_it_is_called(seed: int) -> None:
    level = {condition: pauses_db(heard(condition, seed), 0.15) for condition in CONDITIONS}
    assert -47 < level["studio"] < -34
    assert level["studio"] < level["phone"] < -20
    assert -11 < level["noise"] < 2
    # a room rings on: louder right after the word than later
    assert pauses_db(heard("room", seed), 0.01) > pauses_db(heard("studio", seed), 0.01) + 8
    assert pauses_db(heard("room", seed), 0.01) > level["room"] + 2
    assert above_4_khz(heard("phone", seed)) < 1e-3 < above_4_khz(heard("studio", seed))


@pytest.mark.parametrize("condition", CONDITIONS)
def test_length_level_and_repetition(condition: str) -> None:
    one, again, other = heard(condition), heard(condition), heard(condition, 2)
    assert len(one) == len(SPOKEN)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    # where echoes or noise fill the pauses, these count, and the words are up to 3 dB louder than the whole
    words = one[TIME_SEC % 0.5 < 0.25] / 32768
    assert -26.5 < 10 * np.log10(np.mean(words**2)) < -22.9


def test_of_every_four_each_has_another() -> None:
    for block in range(200):
        assert sorted(condition_of(4 * block + n, 0, "hr_hr", "train") for n in range(4)) == sorted(CONDITIONS)
    places = Counter((n % 4, condition_of(n, 0, "hr_hr", "train")) for n in range(4000))
    assert len(places) == 16
    assert max(places.values()) < 310 and min(places.values()) > 190
