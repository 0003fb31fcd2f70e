"""Figures and the loss of collapse against all pairs and plain definitions, and what they say of a shrunk batch."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch.nn import functional

from masr.losses.collapse import cosine_of_pairs, deviation, floor_loss


def test_the_cosine_is_that_of_all_pairs() -> None:
    vectors = torch.randn(9, 4, generator=torch.Generator().manual_seed(0)) + 1
    pairs = [functional.cosine_similarity(a, b, dim=0) for a, b in itertools.combinations(vectors, 2)]
    total, count = cosine_of_pairs(vectors)
    torch.testing.assert_close(total, torch.stack(pairs).sum())
    assert float(count) == len(pairs)


@pytest.mark.parametrize("factor", [1.0, 0.001])
def test_vectors_that_shrink_to_a_point_are_seen_whatever_their_length(factor: float) -> None:
    generator = torch.Generator().manual_seed(1)
    centre, apart = torch.randn(1, 8, generator=generator), torch.randn(50, 8, generator=generator)
    for length in (1.0, 40.0):
        vectors = length * (centre + factor * apart)
        cosine, count = cosine_of_pairs(vectors)
        spread = float(deviation(vectors)[0])
        assert (float(cosine / count) > 0.99, spread < 0.01) == ((True, True) if factor < 1 else (False, False))


def test_the_deviation_is_a_share_of_the_length() -> None:
    vectors = torch.tensor([[3.0, 0.0], [0.0, 4.0]])
    centred = vectors - vectors.mean(dim=0)
    expected = centred.square().sum(dim=1).mean().sqrt() / vectors.square().sum(dim=1).mean().sqrt()
    torch.testing.assert_close(deviation(vectors)[0], expected)


def test_the_floor_is_a_hinge_over_dimensions_and_pushes_apart_what_is_too_near() -> None:
    generator = torch.Generator().manual_seed(2)
    vectors = (torch.randn(30, 6, generator=generator) * torch.tensor([0.0, 0.01, 0.1, 1, 2, 5]) + 1).requires_grad_()
    labelled = torch.arange(30) < 25
    term = floor_loss(vectors, labelled, 0.3, 30)
    rows = vectors.detach()[:25]
    length = rows.square().mean().sqrt()
    shares = rows.std(dim=0, unbiased=False) / length
    torch.testing.assert_close(term.sum / term.count, (0.3 - shares).clamp(min=0).mean(), atol=1e-4, rtol=1e-3)
    term.sum.backward()
    assert vectors.grad is not None
    moved = vectors.detach() - 0.01 * vectors.grad
    assert moved[:25, 1].std() > rows[:, 1].std()
    assert not vectors.grad[25:].any() and not vectors.grad[:, 5].any()


def test_one_labelled_utterance_has_no_deviation() -> None:
    vectors = torch.randn(4, 3, requires_grad=True)
    term = floor_loss(vectors, torch.tensor([True, False, False, False]), 0.3, 4)
    assert float(term.sum) == 0
    term.sum.backward()
    assert vectors.grad is not None
