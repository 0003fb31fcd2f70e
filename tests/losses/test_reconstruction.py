"""Which frames are to be said, and what saying them wrong costs, against loops."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.losses.reconstruction import absolute_errors, agreement, figure, inside, mean, stacks
from reference import slow_reconstruction


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 20), min_size=1, max_size=3),
    st.sampled_from([1, 2, 4]),
    st.integers(-9, 15),
    st.integers(0, 2),
)
def test_stacks_are_those_that_a_loop_finds(sizes: list[int], factor: int, offset: int, extra: int) -> None:
    num_frames = torch.tensor(sizes)
    lengths = num_frames // factor
    features = numbers(len(sizes), max(sizes) + extra, 3)
    places = inside(num_frames, lengths, factor, offset)
    assert places.shape == (len(sizes), max(1, int(lengths.max())))
    found = stacks(features, places.shape[1], factor, offset)
    for row, size in enumerate(sizes):
        for t in range(places.shape[1]):
            own = features[row, :size].tolist()
            expected = slow_reconstruction.stack(own, t * factor + offset, factor) if t < size // factor else None
            assert bool(places[row, t]) == (expected is not None)
            if expected is not None:
                assert found[row, t].tolist() == expected


def test_absolute_errors_are_those_of_loops() -> None:
    guesses, targets, weights = numbers(5, 6), numbers(5, 6, seed=1), torch.tensor([1.0, 0, 2, 1, 0.5])
    rows = [slow_reconstruction.absolute(g, x) for g, x in zip(guesses.tolist(), targets.tolist(), strict=True)]
    term = mean(absolute_errors(guesses, targets), weights)
    assert float(term.sum) == pytest.approx(sum(w * r for w, r in zip(weights.tolist(), rows, strict=True)), rel=1e-5)
    assert float(term.count) == 5
    assert [float(x) for x in figure(absolute_errors(guesses, targets))] == pytest.approx([sum(rows), 5], rel=1e-5)


def test_agreement_is_that_of_loops() -> None:
    logits, frames, codes = numbers(7, 5), numbers(7, 3, seed=1), numbers(5, 3, seed=2)
    found = agreement(logits, frames, codes)
    for n in range(7):
        distance, divergence, entropy = slow_reconstruction.co_training(
            logits[n].tolist(), frames[n].tolist(), codes.tolist()
        )
        assert float(found.reconstruction[n]) == pytest.approx(distance, rel=1e-4)
        assert float(found.divergence[n]) == pytest.approx(divergence, rel=1e-4, abs=1e-5)
        assert float(found.entropy[n]) == pytest.approx(entropy, rel=1e-4, abs=1e-5)
        nearest = min(range(5), key=lambda v: slow_reconstruction.squared(frames[n].tolist(), codes[v].tolist()))
        assert int(found.confirmed[n]) == nearest


def test_a_drawn_code_costs_its_own_distance_and_moves_by_the_relaxed_choice() -> None:
    logits, frames, noise = numbers(7, 5), numbers(7, 3, seed=1), 2 * numbers(7, 5, seed=3)
    codes = numbers(5, 3, seed=2).requires_grad_()
    found = agreement(logits, frames, codes, noise, temperature=0.7)
    expected = [
        slow_reconstruction.drawn_distance(x, codes.tolist(), g)
        for x, g in zip(frames.tolist(), noise.tolist(), strict=True)
    ]
    assert found.reconstruction.tolist() == pytest.approx(expected, rel=1e-4)
    found.reconstruction[0].backward(retain_graph=True)
    assert codes.grad is not None
    assert codes.grad.abs().sum(dim=1).gt(0).all(), "codes that were not drawn have to hear of it too"
    whole = agreement(logits, frames, codes)
    torch.testing.assert_close(found.divergence, whole.divergence)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 3))
def test_the_loss_is_never_below_the_surprise_that_it_bounds(seed: int, scale: float) -> None:
    logits, frames, codes = numbers(4, 5, seed=seed), scale * numbers(4, 3, seed=seed + 1), numbers(5, 3, seed=seed + 2)
    found = agreement(logits, frames, codes)
    for n in range(4):
        surprise = slow_reconstruction.surprise(logits[n].tolist(), frames[n].tolist(), codes.tolist())
        assert float(found.reconstruction[n] + found.divergence[n]) >= surprise - 1e-4


def test_views_that_agree_do_not_diverge() -> None:
    frames, codes = numbers(6, 3, seed=1), numbers(5, 3, seed=2)
    found = agreement(-torch.cdist(frames, codes).square(), frames, codes)
    torch.testing.assert_close(found.divergence, torch.zeros(6), atol=1e-5, rtol=0)


def test_far_frames_stay_finite() -> None:
    logits = (1000 * numbers(4, 5)).requires_grad_()
    codes = numbers(5, 3, seed=2).requires_grad_()
    found = agreement(logits, 1e3 * numbers(4, 3, seed=1), codes)
    (found.reconstruction + found.divergence).sum().backward()
    assert logits.grad is not None and codes.grad is not None
    assert torch.isfinite(found.divergence).all() and torch.isfinite(found.entropy).all()
    assert torch.isfinite(logits.grad).all() and torch.isfinite(codes.grad).all()
