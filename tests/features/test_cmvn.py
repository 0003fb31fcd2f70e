from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.features.cmvn import Accumulator, normalise, stats_of, total


def frames_of(num_frames, dim=3, seed=0, offset=0.0):
    return offset + torch.randn(num_frames, dim, generator=torch.Generator().manual_seed(seed))


def test_statistics_are_kaldis_matrix():
    frames = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    assert stats_of(frames).tolist() == [[4.0, 8.0, 2.0], [10.0, 40.0, 0.0]]


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=6))
def test_any_split_gives_the_same_statistics(sizes):
    frames = frames_of(sum(sizes))
    parts = frames.split(sizes)
    one, others = Accumulator(3), [Accumulator(3) for _ in parts]
    for part, other in zip(parts, others):
        one.add(part)
        other.add(part)
    np.testing.assert_allclose(one.stats, stats_of(frames), rtol=1e-12)
    np.testing.assert_allclose(total(o.stats for o in others), one.stats, rtol=1e-12)
    assert one.num_frames == sum(sizes)


def test_a_million_frames_keep_their_variance():
    """In float32 the sums would lose it: mean 1000, variance 1."""
    whole = Accumulator(1)
    for seed in range(10):
        whole.add(frames_of(100_000, 1, seed, offset=1000.0))
    mean = whole.stats[0, 0] / 1e6
    assert whole.stats[1, 0] / 1e6 - mean**2 == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("norm_vars", [False, True])
def test_an_utterance_by_itself(norm_vars):
    frames = torch.zeros(2, 50, 3)
    frames[0], frames[1, :20], frames[1, 20:] = frames_of(50, offset=5), frames_of(20, seed=1), float("nan")
    out = normalise(frames, torch.tensor([50, 20]), norm_vars=norm_vars)
    for row, count in enumerate([50, 20]):
        own = frames[row, :count].double()
        expected = own - own.mean(0)
        if norm_vars:
            expected = expected / own.std(0, unbiased=False)
        torch.testing.assert_close(out[row, :count].double(), expected, atol=1e-5, rtol=0)
    assert not out[1, 20:].any()
    assert torch.equal(normalise(frames[1:, :20], torch.tensor([20]), norm_vars=norm_vars)[0], out[1, :20])


@pytest.mark.parametrize("norm_vars", [False, True])
def test_by_speaker_and_by_all(norm_vars):
    frames = torch.stack([frames_of(30, seed=1), frames_of(30, seed=2, offset=3)])
    counts = torch.tensor([30, 30])
    own = torch.from_numpy(np.stack([stats_of(f) for f in frames]))
    by_speaker = normalise(frames, counts, own, norm_vars=norm_vars)
    torch.testing.assert_close(by_speaker, normalise(frames, counts, norm_vars=norm_vars), atol=1e-5, rtol=0)
    together = normalise(frames, counts, own.sum(0), norm_vars=norm_vars)
    assert together.mean(dim=(0, 1)).abs().max() < 1e-6
    assert together[0].mean() < -0.1
    if norm_vars:
        assert together.flatten(0, 1).std(0, unbiased=False).tolist() == pytest.approx([1, 1, 1], abs=1e-5)


def test_a_feature_that_never_moves_stays_finite():
    frames = torch.full((1, 5, 2), 7.0)
    assert normalise(frames, torch.tensor([5]), norm_vars=True).tolist() == torch.zeros(1, 5, 2).tolist()


def test_nothing_to_normalise_by_is_refused():
    with pytest.raises(ValueError, match="no frame"):
        normalise(torch.zeros(1, 2, 2), torch.tensor([2]), torch.zeros(2, 3))
    with pytest.raises(ValueError, match="no statistics"):
        total([])
    assert normalise(torch.zeros(1, 0, 2), torch.tensor([0])).shape == (1, 0, 2)
