"""Windows: they cover everything once, whatever the length, the rate, and what a header claims."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

import masr.inference.lid_windows as lid_scores
from masr.inference.identify import Geometry, Window, spans

GEOMETRY = Geometry(16000, 400, 160)


def windows(path: Path, longest: int = 100, channel: int | None = None) -> tuple[list[Window], list[str]]:
    reasons: list[str] = []
    found = lid_scores.file_windows([path], GEOMETRY, longest, channel, lambda _, reason: reasons.append(reason))
    return list(found), reasons


@given(st.integers(1, 10_000), st.integers(1, 500))
def test_spans_are_alike_and_cover_all(num_frames: int, longest: int) -> None:
    found = list(spans(num_frames, longest))
    assert [first for first, _ in found] == [0, *np.cumsum([count for _, count in found])[:-1].tolist()]
    counts = [count for _, count in found]
    assert sum(counts) == num_frames and max(counts) <= longest and max(counts) - min(counts) <= 1
    assert len(counts) == -(-num_frames // longest)


@pytest.mark.parametrize("num_samples", [400, 559, 560, 16_000, 16_240, 16_241, 163_217])
def test_windows_are_the_samples_of_their_frames(tmp_path: Path, num_samples: int) -> None:
    samples = np.random.default_rng(0).integers(-9000, 9000, num_samples, dtype=np.int16)
    soundfile.write(tmp_path / "a.wav", samples, 16000)
    found, reasons = windows(tmp_path / "a.wav")
    assert not reasons and {window.num_windows for window in found} == {len(found)}
    place = 0
    for window in found:
        assert 0 <= len(window.values) - (400 + (window.num_frames - 1) * 160) < 160
        np.testing.assert_array_equal(window.values * 32768, samples[place : place + len(window.values)])
        place += window.num_frames * 160
    assert place == (1 + (num_samples - 400) // 160) * 160


@pytest.mark.parametrize("rate", [8000, 44100, 48000])
def test_other_rates_are_converted(tmp_path: Path, rate: int) -> None:
    soundfile.write(tmp_path / "a.wav", 0.3 * np.sin(np.arange(3 * rate) * 2 * np.pi * 440 / rate), rate)
    found, reasons = windows(tmp_path / "a.wav")
    assert not reasons and abs(sum(window.num_frames for window in found) - 298) <= 1
    for window in found:
        spectrum = np.abs(np.fft.rfft(window.values * np.hanning(len(window.values))))
        assert spectrum.argmax() * 16000 / len(window.values) == pytest.approx(440, abs=20)


def test_channels_are_mixed_or_picked(tmp_path: Path) -> None:
    left, right = (np.random.default_rng(n).integers(-9000, 9000, 4000, dtype=np.int16) for n in (1, 2))
    soundfile.write(tmp_path / "a.wav", np.stack([left, right], 1), 16000)
    for channel, expected in ((0, left), (1, right), (None, np.rint((left.astype(float) + right) / 2))):
        (window,), _ = windows(tmp_path / "a.wav", channel=channel)
        np.testing.assert_allclose(window.values * 32768, expected, atol=0.51)
    assert windows(tmp_path / "a.wav", channel=2) == ([], ["no channel 2: the file has 2, counted from 0"])


def test_a_flac_without_a_length_has_the_windows_of_one_with_it(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.flac", np.random.default_rng(0).normal(0, 0.1, 40_000), 16000)
    expected, _ = windows(tmp_path / "a.flac")
    data = bytearray((tmp_path / "a.flac").read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(data)
    found, reasons = windows(tmp_path / "a.flac")
    assert not reasons and len(found) > 1
    assert [window.num_frames for window in found] == [window.num_frames for window in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.values, other.values)
