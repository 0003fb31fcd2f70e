"""Loudness as confidence, against a slow oracle and whatever the padding holds."""

from __future__ import annotations

import pytest
import torch

from masr.masking.loudness import frame_power, scaled_energy, voice_activity
from reference import slow_loudness

LENGTHS = torch.tensor([50, 1, 17, 0, 33])


def energies() -> torch.Tensor:
    """(5, 50): loud and quiet stretches, rubbish past the ends."""
    generator = torch.Generator().manual_seed(1)
    steps = torch.randn(5, 10, generator=generator).repeat_interleave(5, dim=1) * 5
    found = steps + torch.randn(5, 50, generator=generator)
    return found.masked_fill(torch.arange(50) >= LENGTHS[:, None], 99.0)


def test_energy_is_scaled_within_the_utterance() -> None:
    found = scaled_energy(energies(), LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        wanted = slow_loudness.scaled(energies()[row, :length].tolist()) if length else []
        torch.testing.assert_close(found[row, :length], torch.tensor(wanted), atol=1e-5, rtol=0)
        assert not found[row, length:].any()
    assert float(found.max()) == 1
    assert float(found[0].std()) > 0


@pytest.mark.parametrize("frame_sec", [0.01, 0.02, 0.04, 0.2])
def test_activity_is_what_is_loud_smoothed(frame_sec: float) -> None:
    found = voice_activity(energies(), LENGTHS, frame_sec)
    for row, length in enumerate(LENGTHS.tolist()):
        wanted = slow_loudness.activity(energies()[row, :length].tolist(), frame_sec) if length else []
        torch.testing.assert_close(found[row, :length], torch.tensor(wanted), atol=1e-6, rtol=0)
        assert not found[row, length:].any()
    assert 0.1 < float(found[0].mean()) < 0.99


def test_frames_have_the_power_of_what_they_see() -> None:
    power = torch.rand(3, 40, generator=torch.Generator().manual_seed(0)) + 0.1
    lengths = torch.tensor([40, 31, 11])
    found = frame_power(power, lengths, 2, 4, 9)
    for row, length in enumerate(lengths.tolist()):
        time = (length - 2) // 4
        wanted = slow_loudness.frames(power[row].tolist(), 2, 4, time)
        torch.testing.assert_close(found[row, :time], torch.tensor(wanted), atol=1e-5, rtol=0)
