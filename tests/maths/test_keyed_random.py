"""Keyed random numbers: uniform, independent of company, and the same everywhere."""

from __future__ import annotations

import hashlib

import torch

from masr.maths.keyed_random import combine, gumbel, normal, normal_at, pairs, places_of, uniform, uniform_at


def keys(count: int, seed: int = 3, step: int = 5) -> torch.Tensor:
    return combine(seed, step, torch.arange(count))


def test_pinned() -> None:
    """The numbers are part of every run's result: a change here changes every run."""
    found = uniform(combine(7, 11, torch.tensor([0, 1, 2**40])), 3, purpose=1)
    torch.testing.assert_close(found, PINNED, atol=1e-6, rtol=0)


def test_a_row_does_not_know_its_company() -> None:
    every = uniform(keys(6), 50, 2)
    assert torch.equal(uniform(keys(6)[3:4], 50, 2), every[3:4])
    assert torch.equal(uniform(keys(6), 20, 2), every[:, :20])


def test_numbers_at_chosen_places_are_those_of_the_whole_row() -> None:
    rows, places = torch.tensor([4, 0, 4]), torch.tensor([[7, 0, 49], [3, 3, 2], [1, 30, 8]])
    whole = uniform(keys(6), 50, 2)
    assert torch.equal(uniform_at(keys(6)[rows], places, 2), whole[rows[:, None], places])
    assert torch.equal(normal_at(keys(6)[rows], places, 2), normal(keys(6), 50, 2)[rows[:, None], places])


def test_uniform_in_mean_spread_and_shape() -> None:
    draws = uniform(keys(2000), 500, 1).double()
    assert 0 < draws.min() < 1e-5
    assert 1 - 1e-5 < draws.max() < 1
    assert abs(draws.mean() - 0.5) < 3e-3
    counts = torch.histc(draws, 64, 0, 1)
    chi_square = ((counts - counts.mean()) ** 2 / counts.mean()).sum()
    assert chi_square < 130  # 63 degrees of freedom: p < 1e-6


def test_neighbours_steps_purposes_and_seeds_are_uncorrelated() -> None:
    base = uniform(keys(2000), 500, 1) - 0.5
    others = [
        uniform(keys(2000), 500, 2) - 0.5,
        uniform(keys(2000, step=6), 500, 1) - 0.5,
        uniform(keys(2000, seed=4), 500, 1) - 0.5,
        base.roll(1, 0),
        base.roll(1, 1),
        base.roll(2, 1),
    ]
    for other in others:
        assert abs((base * other).mean() * 12) < 5e-3  # 5 standard deviations of 1e6 pairs


def test_normal_and_gumbel_have_their_moments() -> None:
    drawn = normal(keys(2000), 300, 4).double()
    assert abs(drawn.mean()) < 1e-2
    assert abs(drawn.std() - 1) < 1e-2
    noise = gumbel(keys(2000), 300, 4).double()
    assert abs(noise.mean() - 0.5772) < 1e-2
    assert abs(noise.var() - torch.pi**2 / 6) < 2e-2


PINNED = torch.tensor(
    [[0.3774991, 0.4608007, 0.2484828], [0.0063723, 0.3269992, 0.2080247], [0.9037523, 0.3965277, 0.4529066]]
)


def test_the_largest_draw_stays_below_one() -> None:
    """Place 512539 of key 0 has every bit set; rounded to 1 it would be infinite noise."""
    drawn = uniform(torch.tensor([0]), 512_540, 2)[0, -1:]
    assert float(drawn) == 1 - 2.0**-24
    assert normal(torch.tensor([0]), 512_540, 2).isfinite().all()
    assert gumbel(torch.tensor([0]), 512_540, 2).isfinite().all()


def test_pairs_belong_to_both_and_not_to_their_places() -> None:
    first, second = keys(300), keys(200, step=9)
    drawn = pairs(first, second, 3)
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    assert torch.equal(pairs(first, second[order], 3), drawn[:, order])
    assert abs(float(drawn.mean()) - 0.5) < 5e-3
    assert abs(float(drawn.var()) - 1 / 12) < 3e-3
    other = pairs(first, second, 4) - 0.5
    for shifted in (other, (drawn - 0.5).roll(1, 0), (drawn - 0.5).roll(1, 1), pairs(second, first, 3).t() - 0.5):
        assert abs(float(((drawn - 0.5) * shifted).mean()) * 12) < 0.03


def test_places_of_ids_are_the_same_in_every_company() -> None:
    """Pinned: confidences of masked speech and wrong labels of earlier runs hang on them."""
    places = places_of(["u1", "ü2", "u3"])
    assert places.tolist() == [places_of([utt]).item() for utt in ("u1", "ü2", "u3")]
    assert places_of(["u1"]).item() == int.from_bytes(hashlib.blake2b(b"u1", digest_size=8).digest(), "little") >> 1
    assert places.dtype == torch.int64 and (places >= 0).all() and len(set(places.tolist())) == 3
