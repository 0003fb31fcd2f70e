from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from masr.errors import DataError
from masr.maths.kmeans import Config, KMeans, Sample, first_centres, fit
from reference import slow_kmeans


def blobs(count: int, width: int = 4, each: int = 50, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    middles = 20 * torch.randn(count, width, generator=generator)
    frames = middles.repeat_interleave(each, 0) + torch.randn(count * each, width, generator=generator)
    return frames[torch.randperm(len(frames), generator=generator)], middles


def test_assign_is_the_slow_one() -> None:
    generator = torch.Generator().manual_seed(1)
    frames, centres = torch.randn(300, 5, generator=generator), torch.randn(7, 5, generator=generator)
    labels, distances = KMeans(centres).assign(frames)
    for frame, label, distance in zip(frames.double(), labels.tolist(), distances.tolist(), strict=True):
        slow = [float(((frame - centre) ** 2).sum()) for centre in centres.double()]
        assert slow[label] == pytest.approx(min(slow), abs=1e-5)
        assert distance == pytest.approx(min(slow), abs=1e-4)


@pytest.mark.parametrize("halves", [False, True])
def test_distances_are_those_of_the_differences(halves: bool) -> None:
    generator = torch.Generator().manual_seed(1)
    frames, centres = torch.randn(1500, 9, generator=generator), torch.randn(7, 9, generator=generator)
    found = KMeans(centres, halves)
    labels, distances = found.assign(frames)
    exact = (frames.double() - centres[labels].double()).square().sum(dim=1).float()
    torch.testing.assert_close(distances, exact, atol=1e-4, rtol=1e-5)
    torch.testing.assert_close(found.distances(frames, labels), exact, atol=1e-5, rtol=1e-5)
    assert torch.equal(found.labels(frames), labels)


def test_in_halves_the_same_centres() -> None:
    frames, _ = blobs(8, width=16)
    whole = fit(list(frames.split(37)), Config(num_clusters=12, sample=200))
    halves = fit(list(frames.split(37)), Config(num_clusters=12, sample=200, bfloat16=True))
    assert halves.halves
    assert torch.equal(whole.centres, halves.centres)


@pytest.mark.parametrize("sample", [60, 1000])
def test_finds_clusters_that_are_there(sample: int) -> None:
    frames, middles = blobs(8)
    found = fit(list(frames.split(37)), Config(num_clusters=8, sample=sample, passes=2))
    nearest = torch.cdist(middles, found.centres).min(dim=1)
    assert sorted(nearest.indices.tolist()) == list(range(8))
    assert nearest.values.max() < 1.0


def test_same_seed_same_centres_and_pieces_of_any_size_the_same_sample() -> None:
    frames, _ = blobs(5)
    config = Config(num_clusters=5, sample=80)
    assert torch.equal(fit(list(frames.split(30)), config).centres, fit(list(frames.split(30)), config).centres)
    samples = []
    for size in (1, 30, 250):
        sample = Sample(80, seed=3)
        for piece in frames.split(size):
            sample.offer(piece)
        samples.append(sample.rows)
    assert torch.equal(samples[0], samples[1])
    assert torch.equal(samples[1], samples[2])


def test_the_sample_is_uniform_and_stays_its_size() -> None:
    counts = torch.zeros(100)
    for seed in range(300):
        sample = Sample(20, seed)
        for piece in torch.arange(100.0)[:, None].split(9):
            sample.offer(piece)
            assert len(sample.rows) <= 20
        assert sample.seen == 100
        counts[sample.rows[:, 0].long()] += 1
    assert counts.sum() == 6000
    assert (counts - 60).abs().max() < 5 * (60 * 0.8) ** 0.5


@pytest.mark.parametrize(("count", "width"), [(1, 1), (511, 3), (512, 39), (1500, 80), (1025, 257)])
def test_first_centres_are_those_of_all_distances_at_once(count: int, width: int) -> None:
    """Bit for bit, and with no tensor of more than a block's differences."""
    frames = torch.randn(count, width, generator=torch.Generator().manual_seed(count))
    wanted = slow_kmeans.first_centres(frames, min(count, 9), seed=4)
    sizes: list[int] = []

    class Sizes(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
            found = func(*args, **(kwargs or {}))
            if isinstance(found, Tensor) and "slice" not in str(func):
                sizes.append(found.numel())
            return found

    with Sizes():
        found = first_centres(frames, min(count, 9), seed=4)
    assert torch.equal(found, wanted)
    assert max(sizes) <= max(512 * width, count, 9 * width)


def test_lloyd_never_grows_the_error() -> None:
    frames, _ = blobs(6, each=30)
    found = KMeans(first_centres(frames, 9, seed=0))
    before = float(found.assign(frames)[1].sum())
    for _ in range(10):
        found.settle(frames, 1)
        after = float(found.assign(frames)[1].sum())
        assert after <= before * (1 + 1e-5)
        before = after


def test_a_pass_over_one_piece_is_the_mean_of_each_cluster() -> None:
    frames, _ = blobs(4)
    found = KMeans(first_centres(frames, 4, seed=0))
    labels, _ = found.assign(frames)
    found.update(frames)
    for label in range(4):
        torch.testing.assert_close(found.centres[label], frames[labels == label].mean(dim=0), atol=1e-4, rtol=1e-5)


def test_no_cluster_stays_empty() -> None:
    frames, _ = blobs(10)
    found = KMeans(torch.cat([frames[:1], torch.full((9, 4), 1e4)]))
    found.settle(frames, 30)
    assert len(found.assign(frames)[0].unique()) == 10


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(6, 40), st.integers(0, 10**6))
def test_any_number_of_clusters_is_finite(clusters: int, count: int, seed: int) -> None:
    frames = torch.randn(count, 3, generator=torch.Generator().manual_seed(seed))
    found = fit(list(frames.split(7)), Config(num_clusters=clusters, sample=max(clusters, 10), seed=seed))
    assert found.centres.isfinite().all()
    assert found.centres.shape == (clusters, 3)


def test_more_clusters_than_frames_are_refused() -> None:
    with pytest.raises(DataError, match="2 different frames"):
        fit([torch.tensor([[0.0], [1.0], [1.0]])], Config(num_clusters=3, sample=3))
