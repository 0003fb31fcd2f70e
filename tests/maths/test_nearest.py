from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import masr.maths.nearest
from masr.maths.kmeans import KMeans
from masr.maths.nearest import Nearest


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def squared(frames: Tensor, centres: Tensor) -> Tensor:
    """(N, V) in float64, from the differences themselves."""
    return (frames.double()[:, None] - centres.double()).square().sum(dim=2)


def between(centres: Tensor, count: int, seed: int = 0) -> Tensor:
    """Frames near the middle of two centres: close calls."""
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randint(len(centres), (2, count), generator=generator)
    middle = (centres[first] + centres[second]) / 2
    return middle + 0.01 * torch.randn(middle.shape, generator=generator)


@pytest.mark.parametrize("halves", [False, True, None])
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 60), st.integers(1, 20), st.integers(1, 40), st.sampled_from([0.0, 30.0]), st.integers(0, 10**6))
def test_the_nearest_one(
    halves: bool | None, count: int, num_centres: int, width: int, offset: float, seed: int
) -> None:
    centres, frames = normal(num_centres, width, seed=seed) + offset, normal(count, width, seed=seed + 1) + offset
    labels, _ = Nearest(centres, halves)(frames)
    apart = squared(frames, centres)
    assert labels.shape == (count,)
    if count:
        # Two that are this near are the same to float32, too.
        rounding = 1e-6 * (centres.double().norm(dim=1).max() + frames.double().norm(dim=1).max()) ** 2
        assert (apart.gather(1, labels[:, None])[:, 0] <= apart.min(dim=1).values + rounding).all()


@pytest.mark.parametrize("block", [100, 1 << 20])
def test_close_calls_are_those_of_float32(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    centres = normal(50, 64)
    far, close = centres.repeat(20, 1) + 0.1 * normal(1000, 64, seed=1), between(centres, 100, seed=2)
    frames = torch.cat([far, close])[torch.randperm(1100, generator=torch.Generator().manual_seed(3))]
    exact = squared(frames, centres).argmin(dim=1)
    unchecked = Nearest(centres, halves=True)
    assert unchecked.halves is not None
    wrong = unchecked.halves(frames - unchecked.middle)[0] != exact
    assert wrong[100:200].any()
    assert wrong[-100:].any()
    monkeypatch.setattr(masr.maths.nearest, "_BLOCK_ELEMENTS", block * 50)
    assert torch.equal(Nearest(centres, halves=True)(frames)[0], exact)
    assert torch.equal(Nearest(centres)(frames)[0], exact)


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 200), st.floats(-3, 3), st.sampled_from([0.0, 5.0, -40.0]), st.integers(0, 10**6))
def test_rounding_never_changes_a_label_that_is_called_certain(
    width: int, scale: float, offset: float, seed: int
) -> None:
    centres = 10**scale * (normal(20, width, seed=seed) + offset)
    frames = torch.cat([between(centres, 100, seed), centres[:10] + 10**scale * 0.1 * normal(10, width, seed=seed)])
    nearest = Nearest(centres, halves=True)
    assert nearest.halves is not None
    labels, close = nearest.halves(frames - nearest.middle)
    right = labels == squared(frames, centres).argmin(dim=1)
    assert (right | close).all()


def test_clear_calls_are_certain() -> None:
    centres = normal(50, 256) + 3
    nearest = Nearest(centres, halves=True)
    assert nearest.halves is not None
    _, close = nearest.halves(centres.repeat(4, 1) + 0.3 * normal(200, 256, seed=1) - nearest.middle)
    assert not close.any()


@pytest.mark.parametrize(("num_close", "num_tried"), [(100, 1), (10, 10)])
def test_with_many_close_calls_the_rest_is_not_tried(
    num_close: int, num_tried: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    centres = normal(10, 8)
    frames = between(centres, 1000).view(10, 100, 8)
    frames[:, num_close:] = centres[0]  # the others of each block are certain
    found = Nearest(centres, halves=True)
    assert found.halves is not None
    tried: list[int] = []
    halves = found.halves

    def counted(rows: Tensor) -> tuple[Tensor, Tensor]:
        labels, close = halves(rows)
        tried.append(int(close.sum()))
        return labels, close

    found.block = 100
    monkeypatch.setattr(found, "halves", counted)
    labels, _ = found(frames.flatten(0, 1))
    assert len(tried) == num_tried
    assert all((count > 25) == (num_close == 100) and count > 0 for count in tried)
    assert torch.equal(labels, squared(frames.flatten(0, 1), centres).argmin(dim=1))


def test_ties_go_to_the_lower_number() -> None:
    centres = torch.tensor([[5.0, 0.0], [1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    for halves in (False, True):
        assert Nearest(centres, halves)(torch.tensor([[0.0, 2.0], [3.0, 0.0]]))[0].tolist() == [1, 0]


def test_what_is_no_number_is_as_in_float32() -> None:
    centres = normal(6, 4)
    frames = normal(8, 4, seed=1)
    frames[2, 1], frames[5, 0] = torch.nan, torch.inf
    assert torch.equal(Nearest(centres, True)(frames)[0], Nearest(centres)(frames)[0])


@pytest.mark.parametrize("halves", [False, True])
def test_far_from_the_origin_labels_are_those_of_float64(halves: bool) -> None:
    centres = normal(100, 80, seed=3) + 3000
    frames = centres.repeat(20, 1) + 0.5 * normal(2000, 80, seed=4)
    exact = (frames.double()[:, None] - centres.double()).square().sum(dim=2).argmin(dim=1)
    assert torch.equal(Nearest(centres, halves)(frames)[0], exact)
    labels, squares = KMeans(centres, halves).assign(frames)
    apart = (frames.double() - centres.double()[labels]).square().sum(dim=1)
    torch.testing.assert_close(squares.double(), apart, rtol=1e-3, atol=1e-3)
