"""Frames ahead against frames of elsewhere: the loss against loops, and where negatives are drawn from."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.losses.future import drawn, future_contrast
from masr.maths.keyed_random import combine
from reference import slow_future

LENGTHS = torch.tensor([7, 1, 4])
POOL = [(row, frame) for row, length in enumerate(LENGTHS.tolist()) for frame in range(length)]
STARTS = torch.tensor([0, 7, 8])


def case(num_negatives: int = 5) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Guesses, latents, negatives and their places among the utterance's own frames."""
    torch.manual_seed(0)
    guesses, latents = torch.randn(3, 7, 3, 4), torch.randn(3, 7, 4)
    places = drawn(LENGTHS, combine(1, 2, torch.arange(3)), torch.zeros(3), slice(0, 3), num_negatives, 22)
    flat = torch.stack([latents[row, frame] for row, frame in POOL])
    return guesses, latents, flat[places], places


@pytest.mark.parametrize("num_negatives", [1, 5])
def test_loss_and_figures_against_loops(num_negatives: int) -> None:
    guesses, latents, negatives, places = case(num_negatives)
    factors = torch.tensor([2.0, 1.0, 0.5])
    term, figures = future_contrast(guesses, latents, LENGTHS, negatives, places - STARTS[:, None], factors)
    total, count, right, counts, chance = slow_future.contrast(
        guesses.tolist(), latents.tolist(), LENGTHS.tolist(), POOL, places.tolist(), factors.tolist()
    )
    assert float(term.sum) == pytest.approx(total, rel=1e-5)
    assert int(term.count) == count > 0
    for step in range(3):
        assert [int(x) for x in figures[f"accuracy_ahead_{step + 1}"]] == [right[step], counts[step]]
    assert int(figures["contrastive_accuracy"][0]) == sum(right)
    assert float(figures["contrastive_chance"][0]) == pytest.approx(chance)


def test_the_truth_among_the_negatives_is_left_out() -> None:
    """An utterance that drew nothing but the truth takes no part, and leaves the gradient finite."""
    guesses, latents, _, _ = case()
    guesses, latents = guesses[:1, :3].requires_grad_(), latents[:1, :3]
    truth = latents[:, [1]]
    term, _ = future_contrast(guesses, latents, torch.tensor([2]), truth, torch.tensor([[1]]))
    assert int(term.count) == 0 and float(term.sum.detach()) == 0
    term, _ = future_contrast(guesses, latents, torch.tensor([3]), truth, torch.tensor([[1]]))
    assert int(term.count) == 2  # frame 2 from frame 0, two steps ahead, and from frame 1, one step ahead
    term.sum.backward()
    assert bool(torch.isfinite(guesses.grad).all()) and bool(guesses.grad[0, 0, 1].any())
    assert not guesses.grad[0, 0, 0].any()


def test_latents_that_are_all_the_same_are_never_right() -> None:
    guesses, latents, negatives, places = case()
    same = torch.ones_like(latents)
    _, figures = future_contrast(guesses, same, LENGTHS, torch.ones_like(negatives), places - STARTS[:, None])
    assert int(figures["contrastive_accuracy"][0]) == 0 < int(figures["contrastive_accuracy"][1])


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 9), min_size=1, max_size=6),
    groups=st.lists(st.integers(0, 2), min_size=6, max_size=6),
    seed=st.integers(0, 1000),
    order=st.randoms(use_true_random=False),
)
def test_drawn_from_the_group_whatever_the_order(
    lengths: list[int], groups: list[int], seed: int, order: object
) -> None:
    """As on ranks that hold the utterances in another order: the same frames of the same utterances."""
    count = len(lengths)
    sizes, group = torch.tensor(lengths), torch.tensor(groups[:count])
    keys = combine(seed, 1, torch.arange(count))
    owner = [(u, t) for u in range(count) for t in range(lengths[u])]
    places = drawn(sizes, keys, group, slice(0, count), 8, 22)
    turned = list(range(count))
    order.shuffle(turned)  # type: ignore[attr-defined]
    turned_owner = [(u, t) for u in turned for t in range(lengths[u])]
    others = drawn(sizes[turned], keys[turned], group[turned], slice(0, count), 8, 22)
    for row in range(count):
        if not sum(n for n, g in zip(lengths, groups, strict=False) if g == groups[row]):
            continue
        found = [owner[p] for p in places[row].tolist()]
        assert all(groups[u] == groups[row] for u, _ in found)
        assert found == [turned_owner[p] for p in others[turned.index(row)].tolist()]


def test_drawn_evenly() -> None:
    places = drawn(LENGTHS, combine(1, 2, torch.arange(3)), torch.tensor([5, 3, 5]), slice(0, 3), 22_000, 22)
    for row in (0, 2):
        shares = torch.bincount(places[row], minlength=12).float() / 22_000
        assert shares[7] == 0
        assert (shares[[*range(7), *range(8, 12)]] - 1 / 11).abs().max() < 0.01
    assert (places[1] == 7).all()


def test_some_utterances_of_all() -> None:
    keys = combine(1, 2, torch.arange(3))
    whole = drawn(LENGTHS, keys, torch.zeros(3), slice(0, 3), 6, 22)
    assert torch.equal(drawn(LENGTHS, keys, torch.zeros(3), slice(1, 3), 6, 22), whole[1:])
