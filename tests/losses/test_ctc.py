"""CTC against the forward recursion one number after another, against all paths, and against torch's own."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from masr.losses.ctc import ctc, needed
from reference import slow_ctc


def emissions(size: int, time: int, units: int, seed: int = 0) -> Tensor:
    return torch.randn(size, time, units, generator=torch.Generator().manual_seed(seed)).log_softmax(dim=2)


TRANSCRIPTS = torch.tensor([[1, 2, 2, 3], [3, 1, -1, -1], [2, -1, -1, -1]])
LENGTHS = torch.tensor([9, 6, 4])


def one_by_one(scores: Tensor, lengths: Tensor, transcripts: Tensor) -> list[float]:
    return [
        slow_ctc.cost(row[:size].double().tolist(), [u for u in units if u >= 0])
        for row, size, units in zip(scores, lengths.tolist(), transcripts.tolist(), strict=True)
    ]


def test_the_recursion_is_the_sum_over_all_paths() -> None:
    scores = emissions(1, 6, 3)[0].double().tolist()
    totals = slow_ctc.text_scores(scores, lambda units: " ".join(map(str, units)))
    for text, total in totals.items():
        assert slow_ctc.cost(scores, [int(unit) for unit in text.split()]) == pytest.approx(-total)


def test_the_loss_is_the_recursions() -> None:
    scores = emissions(3, 9, 5)
    term = ctc(scores, LENGTHS, TRANSCRIPTS)
    assert float(term.sum) == pytest.approx(math.fsum(one_by_one(scores, LENGTHS, TRANSCRIPTS)), rel=1e-5)
    assert float(term.count) == 7  # units, so that a batch of any make-up averages rightly


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_text_and_length(data: st.DataObject) -> None:
    units = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=5))
    time = data.draw(st.integers(1, 8))
    scores = emissions(1, time, 4, data.draw(st.integers(0, 99)))
    cost = slow_ctc.cost(scores[0].double().tolist(), units)
    term = ctc(scores, torch.tensor([time]), torch.tensor([[*units, -1]]))
    assert (int(needed(torch.tensor([[*units, -1]]))) > time) == math.isinf(cost)
    assert float(term.sum) == pytest.approx(0.0 if math.isinf(cost) else cost, rel=1e-4, abs=1e-4)
    assert float(term.count) == (0 if math.isinf(cost) else len(units))


def test_torch_says_the_same_and_so_does_its_gradient() -> None:
    logits = torch.randn(3, 9, 5, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    ours, theirs = (logits.clone().requires_grad_() for _ in range(2))
    sizes = (TRANSCRIPTS >= 0).sum(dim=1)
    expected = functional.ctc_loss(
        theirs.log_softmax(2).transpose(0, 1), TRANSCRIPTS.clamp(min=0), LENGTHS, sizes, reduction="sum"
    )
    expected.backward()
    term = ctc(ours.log_softmax(2), LENGTHS, TRANSCRIPTS)
    term.sum.backward()
    torch.testing.assert_close(term.sum.double(), expected.detach(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)


def test_what_cannot_be_written_has_no_part() -> None:
    scores = emissions(4, 9, 5).requires_grad_()
    transcripts = torch.tensor([[1, 2, 2, 3], [1, 1, 1, -1], [-1, -1, -1, -1], [2, 1, -1, -1]])
    lengths = torch.tensor([9, 4, 9, 0])  # three alike want five frames; nothing; no frame at all
    term = ctc(scores, lengths, transcripts)
    alone = ctc(scores[:1], lengths[:1], transcripts[:1])
    assert float(term.count) == 4
    torch.testing.assert_close(term.sum, alone.sum)
    term.sum.backward()
    assert scores.grad is not None and torch.isfinite(scores.grad).all()
    assert scores.grad[0].any() and not scores.grad[1:].any()


def test_padding_and_weights() -> None:
    scores = emissions(3, 9, 5)
    wide = functional.pad(scores, (0, 0, 0, 4), value=7.0)
    more = functional.pad(TRANSCRIPTS, (0, 3), value=-1)
    torch.testing.assert_close(ctc(wide, LENGTHS, more).sum, ctc(scores, LENGTHS, TRANSCRIPTS).sum)
    costs = one_by_one(scores, LENGTHS, TRANSCRIPTS)
    weighted = ctc(scores, LENGTHS, TRANSCRIPTS, torch.tensor([2.0, 0.0, 0.5]))
    assert float(weighted.sum) == pytest.approx(2 * costs[0] + 0.5 * costs[2], rel=1e-5)


def test_frames_that_a_text_needs() -> None:
    assert needed(torch.tensor([[1, 2, 2, 2], [1, 2, -1, -1], [-1, -1, -1, -1]])).tolist() == [6, 2, 0]
