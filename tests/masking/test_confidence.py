"""Measures of confidence against a slow oracle, and at their ends."""

from __future__ import annotations

import math
from typing import get_args

import pytest
import torch

from masr.masking.confidence import Measure, frame_confidence, utterance_confidence
from reference import slow_confidence

MEASURES: tuple[Measure, ...] = get_args(Measure)


def draws(seed: int, units: int = 7) -> torch.Tensor:
    """(5, 40, V) log-probabilities from nearly uniform to nearly certain, the blank likely or not."""
    generator = torch.Generator().manual_seed(seed)
    sharp = torch.logspace(-2, 1.5, 40)[None, :, None]
    logits = torch.randn(5, 40, units, generator=generator) * sharp
    logits[:, ::3, 0] += 4
    return logits.log_softmax(dim=-1)


@pytest.mark.parametrize("exclude_blank", [False, True])
@pytest.mark.parametrize("measure", MEASURES)
def test_equals_the_oracle(measure: Measure, exclude_blank: bool) -> None:
    given = draws(1)
    found = frame_confidence(given, measure, exclude_blank)
    rows = given.double().exp().flatten(0, 1).tolist()
    expected = torch.tensor([slow_confidence.confidence(row, measure, exclude_blank) for row in rows]).view(5, 40)
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)
    assert found.dtype == torch.float32
    assert 0 <= float(found.min()) < 0.2 < 0.8 < float(found.max()) <= 1


@pytest.mark.parametrize("temperature", [0.5, 3.0])
@pytest.mark.parametrize("measure", MEASURES)
def test_a_temperature_divides_the_logits(measure: Measure, temperature: float) -> None:
    logits = 3 * torch.randn(2, 30, 6, generator=torch.Generator().manual_seed(4))
    found = frame_confidence(logits.log_softmax(dim=-1), measure, temperature=temperature)
    rows = (logits / temperature).double().softmax(dim=-1).flatten(0, 1).tolist()
    expected = torch.tensor([slow_confidence.confidence(row, measure, False) for row in rows]).view(2, 30)
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)
    assert float((found - frame_confidence(logits.log_softmax(dim=-1), measure)).abs().mean()) > 0.02


@pytest.mark.parametrize("measure", MEASURES)
def test_of_several_codebooks_it_is_the_mean(measure: Measure) -> None:
    given = torch.randn(2, 9, 3, 5, generator=torch.Generator().manual_seed(5)).log_softmax(dim=-1)
    found = frame_confidence(given, measure, temperature=2.0)
    each = torch.stack([frame_confidence(given[:, :, group], measure, temperature=2.0) for group in range(3)])
    torch.testing.assert_close(found, each.mean(dim=0))


@pytest.mark.parametrize("measure", MEASURES)
def test_certain_and_clueless_frames(measure: Measure) -> None:
    certain = torch.full((1, 3, 4), -math.inf)
    certain[0, 0, 2] = certain[0, 1, 0] = 0.0  # a unit; the blank
    certain[0, 2] = math.log(0.25)
    lowest = 0.25 if measure == "max" else 0.0
    assert frame_confidence(certain, measure)[0].tolist() == pytest.approx([1, 1, lowest], abs=1e-6)
    without = frame_confidence(certain, measure, exclude_blank=True)[0].tolist()
    assert without == pytest.approx([1, 0, lowest], abs=1e-6)


def test_what_a_paper_would_call_the_maximum() -> None:
    given = torch.tensor([[[0.7, 0.2, 0.1]]]).log()
    assert float(frame_confidence(given)) == pytest.approx(0.7)
    assert float(frame_confidence(given, exclude_blank=True)) == pytest.approx(0.2)
    assert float(frame_confidence(given, "margin", exclude_blank=True)) == pytest.approx(0.1)


def test_half_precision_stays_between_0_and_1() -> None:
    for measure in MEASURES:
        found = frame_confidence(draws(2).half(), measure)
        assert found.dtype == torch.float32
        assert float(found.min()) >= 0 and float(found.max()) <= 1


def test_too_few_units_are_refused() -> None:
    with pytest.raises(ValueError, match="nothing to choose"):
        frame_confidence(torch.zeros(1, 1, 2), exclude_blank=True)


def test_utterances_equal_the_oracle_whatever_the_padding_holds() -> None:
    generator = torch.Generator().manual_seed(3)
    confidence = torch.rand(6, 30, generator=generator)
    masked = torch.rand(6, 30, generator=generator) < 0.4
    lengths = torch.tensor([30, 1, 17, 0, 8, 29])
    masked[1] = False
    padded = confidence.masked_fill(torch.arange(30) >= lengths[:, None], torch.nan)
    for given in (None, masked):
        expected = [
            slow_confidence.utterance(
                confidence[n, :size].tolist(), None if given is None else given[n, :size].tolist()
            )
            for n, size in enumerate(lengths.tolist())
        ]
        found = utterance_confidence(padded, lengths, given)
        torch.testing.assert_close(found, torch.tensor(expected), atol=1e-6, rtol=0)
    assert float(utterance_confidence(padded, lengths)[3]) == 1.0
