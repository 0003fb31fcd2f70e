from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.synth.cutting import MIN_SNR_DB, cut, estimate_snr_db, find_speech, stretch_name
from masr.synth.espeak import Voice, speak
from masr.synth.microphone import record
from masr.synth.seeding import generator_of

RATE = 16000
SPEECH = np.concatenate([speak(str(n), Voice("hi", "m2")).samples for n in range(100, 160, 3)])


def video(snr_db: float, seed: int = 0) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Three stretches of speech with a second and more between them, in noise."""
    pieces, truth, position = [np.zeros(RATE, np.int16)], [], RATE
    for length_sec in (2, 5, 3):
        pieces += [SPEECH[: length_sec * RATE], np.zeros(RATE + length_sec * 1000, np.int16)]
        truth.append((position, position + length_sec * RATE))
        position += len(pieces[-1]) + len(pieces[-2])
    return record(np.concatenate(pieces), generator_of(seed), snr_db, 0.0), truth


@pytest.mark.parametrize("snr_db", [15.0, 25.0, 40.0])
def test_speech_is_found_where_it_is(snr_db: float) -> None:
    samples, truth = video(snr_db)
    inside = np.zeros(len(samples), bool)
    for start, end in truth:
        inside[start:end] = True
    found = np.zeros(len(samples), bool)
    for start, end in find_speech(samples):
        assert not found[start:end].any(), "stretches overlap"
        found[start:end] = True
    loud = np.abs(samples.astype(float)) > 0.2 * np.abs(samples).max()
    assert found[inside & loud].mean() > 0.99
    assert found[~inside].mean() < 0.25, "a margin is kept around speech"


def test_noise_and_silence_hold_no_speech() -> None:
    rng = generator_of(0)
    assert find_speech((1000 * rng.standard_normal(5 * RATE)).astype(np.int16)) == []
    assert find_speech(np.zeros(5 * RATE, np.int16)) == []
    assert find_speech(np.zeros(10, np.int16)) == []


@pytest.mark.parametrize("snr_db", [5.0, 10.0, 15.0, 20.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_noise_is_measured_roughly(snr_db: float, seed: int) -> None:
    """Within what lies between the videos that are meant to pass and those that are not."""
    assert estimate_snr_db(record(SPEECH, generator_of(seed), snr_db, 0.0)) == pytest.approx(snr_db, abs=3.5)


def test_what_is_clean_passes() -> None:
    """Without noise, quiet speech is taken for it: the estimate is then too low, and still beyond the limit."""
    assert estimate_snr_db(record(SPEECH, generator_of(0), 60.0, 0.0)) > MIN_SNR_DB + 5


def test_nothing_is_as_noisy_as_can_be() -> None:
    assert estimate_snr_db(np.zeros(0, np.int16)) < MIN_SNR_DB


@given(st.integers(1, 100 * RATE))
def test_cutting_keeps_every_sample(num_samples: int) -> None:
    samples = np.arange(num_samples, dtype=np.int64).astype(np.int16)
    pieces = list(cut("vad_00_abc", samples))
    assert np.array_equal(np.concatenate([piece for _, piece in pieces]), samples)
    if num_samples < 26 * RATE:
        assert [name for name, _ in pieces] == ["vad_00_abc"]
    else:
        assert [name for name, _ in pieces] == [f"broken-vad_00_abc-{i}" for i in range(len(pieces))]
        assert {len(piece) for _, piece in pieces[:-1]} == {20 * RATE}
        assert 0 < len(pieces[-1][1]) <= 20 * RATE


def test_stretches_are_numbered_as_the_pipeline_numbers_them() -> None:
    assert stretch_name(3, "-a_b-c_d-e1") == "vad_03_-a_b-c_d-e1"
    assert stretch_name(123, "x") == "vad_123_x"


@pytest.mark.parametrize(("num_samples", "num_pieces"), [(25 * RATE, 1), (26 * RATE - 1, 1), (26 * RATE, 2)])
def test_the_limit_is_25_whole_seconds(num_samples: int, num_pieces: int) -> None:
    assert len(list(cut("x", np.zeros(num_samples, np.int16)))) == num_pieces
