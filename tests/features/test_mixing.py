"""Rooms and noise in batches: equal to one utterance at a time by numpy, whatever stands beside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.features.mixing import convolved, inside, mixed, pink_response, power, reverberant, within_range
from reference import slow_mixing


def batch(lengths: list[int], seed: int, longest: int = 0, scale: float = 0.1) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise of these lengths, zero behind them."""
    generator = np.random.default_rng(seed)
    waves = np.zeros((len(lengths), max(longest, *lengths)), dtype=np.float32)
    for row, length in enumerate(lengths):
        waves[row, :length] = scale * generator.standard_normal(length)
    return torch.from_numpy(waves), torch.tensor(lengths)


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 9000), min_size=1, max_size=4),
    taps=st.sampled_from([1, 2, 700, 2048, 2049, 5000]),
    padding=st.integers(0, 5000),
    seed=st.integers(0, 99),
)
def test_a_room_is_a_convolution(lengths: list[int], taps: int, padding: int, seed: int) -> None:
    waves, sizes = batch(lengths, seed, max(lengths) + padding)
    responses, _ = batch([taps] * len(lengths), seed + 1)
    found = reverberant(waves, sizes, responses)
    for row, length in enumerate(lengths):
        expected = slow_mixing.in_room(waves[row, :length].double().numpy(), responses[row].double().numpy())
        np.testing.assert_allclose(found[row, :length].numpy(), expected, atol=2e-6 * max(1, np.abs(expected).max()))
        assert not found[row, length:].any()


@settings(max_examples=40, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 3000), min_size=1, max_size=4),
    padding=st.integers(0, 500),
    snr_db=st.floats(-20, 40),
    spot=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    scale=st.sampled_from([0.001, 0.1, 0.5]),
    seed=st.integers(0, 99),
)
def test_noise_has_the_level_asked_for(
    lengths: list[int], padding: int, snr_db: float, spot: tuple[float, float], scale: float, seed: int
) -> None:
    longest = max(lengths) + padding
    waves, sizes = batch(lengths, seed, longest, scale)
    noise, _ = batch([longest] * len(lengths), seed + 1, scale=3.0)
    covered = torch.zeros(waves.shape, dtype=torch.bool)
    spans = []
    for row, length in enumerate(lengths):
        count = int(spot[0] * length)
        first = int(spot[1] * (length - count))
        covered[row, first : first + count] = True
        spans.append((first, count))
    found = mixed(waves, sizes, noise, torch.full((len(lengths),), snr_db), covered)
    assert float(found.abs().max()) <= 1 + 1e-6
    for row, (length, (first, count)) in enumerate(zip(lengths, spans, strict=True)):
        speech = waves[row, :length].double().numpy()
        expected = slow_mixing.in_noise(speech, noise[row].double().numpy(), snr_db, first, count)
        np.testing.assert_allclose(found[row, :length].numpy(), expected, atol=1e-6)
        assert not found[row, length:].any()


def test_the_ratio_can_be_measured_on_what_comes_out() -> None:
    waves, sizes = batch([8000, 5000], 0, scale=0.01)
    noise, _ = batch([8000, 8000], 1, scale=7.0)
    found = mixed(waves, sizes, noise, torch.tensor([3.0, 15.0]), torch.ones_like(waves, dtype=torch.bool))
    added = found - waves
    ratio = 10 * (power(waves, inside(waves, sizes)) / power(added, inside(waves, sizes))).log10()
    torch.testing.assert_close(ratio, torch.tensor([3.0, 15.0], dtype=torch.float64), atol=1e-3, rtol=0)


@pytest.mark.parametrize("silent", ["speech", "noise", "both"])
def test_silence_stays_finite(silent: str) -> None:
    waves, sizes = batch([100], 0)
    noise, _ = batch([100], 1)
    if silent != "noise":
        waves = torch.zeros_like(waves)
    if silent != "speech":
        noise = torch.zeros_like(noise)
    everywhere = torch.ones_like(waves, dtype=torch.bool)
    torch.testing.assert_close(mixed(waves, sizes, noise, torch.tensor([0.0]), everywhere), waves)
    assert torch.equal(reverberant(torch.zeros(1, 100), sizes, noise), torch.zeros(1, 100))


def test_loud_utterances_alone_are_turned_down() -> None:
    waves = torch.tensor([[0.5, -0.25], [2.0, -4.0]])
    assert within_range(waves).tolist() == [[0.5, -0.25], [0.5, -1.0]]


def test_pieces_of_a_large_batch_are_as_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    waves, _ = batch([5000] * 5, 0)
    responses, _ = batch([300] * 5, 1)
    whole = convolved(waves, responses)
    monkeypatch.setattr("masr.features.mixing._PIECE_ELEMENTS", 10_000)
    torch.testing.assert_close(convolved(waves, responses), whole, atol=1e-6, rtol=0)


def test_pink_falls_by_three_decibels_an_octave() -> None:
    spectrum = np.abs(np.fft.rfft(pink_response(4096, torch.device("cpu")).double().numpy(), 1 << 16)) ** 2
    hertz = np.fft.rfftfreq(1 << 16, 1 / 16000)
    for low in (50, 100, 400, 1600):
        bands = [(hertz >= x) & (hertz < 1.2 * x) for x in (low, 2 * low)]
        level, octave = (10 * np.log10(spectrum[band].mean()) for band in bands)
        assert level - octave == pytest.approx(3.01, abs=0.3), low
