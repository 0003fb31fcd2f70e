"""Borders found without labels, against loops, and on speech whose borders are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.analysis.abx.boundaries import Agreement, Detector, borders_of, change, hits, standardised
from masr.errors import UsageError
from masr.io.frames import Grid
from reference import slow_boundaries


@given(time=st.integers(2, 30), width=st.integers(1, 6), seed=st.integers(0, 99))
def test_the_curve_is_that_of_loops(time: int, width: int, seed: int) -> None:
    frames = np.random.default_rng(seed).standard_normal((time, 4))
    np.testing.assert_allclose(change(frames, width), slow_boundaries.change(frames.tolist(), width), atol=1e-9)


@given(time=st.integers(9, 60), seed=st.integers(0, 99), prominence=st.sampled_from([0.0, 0.3, 1.0]))
def test_the_borders_are_those_of_loops(time: int, seed: int, prominence: float) -> None:
    frames = np.random.default_rng(seed).standard_normal((time, 3)).astype(np.float32)
    curve = slow_boundaries.change(standardised(frames).tolist(), 4)
    peaks = slow_boundaries.prominent(curve, prominence * float(np.std(curve)), 3)
    expected = [peak + 1 for peak in peaks if peak + 1 >= 3]
    assert borders_of(frames, Grid(0.01), Detector(0.04, prominence, 0.03)).tolist() == expected


def test_steps_between_sounds_are_found_and_steady_sound_has_none() -> None:
    random = np.random.default_rng(0)
    sounds = random.standard_normal((6, 12)) * 3
    lengths = [9, 14, 7, 20, 11, 8]
    frames = np.concatenate([np.repeat(sound[None], n, axis=0) for sound, n in zip(sounds, lengths)])
    frames += 0.05 * random.standard_normal(frames.shape)
    assert borders_of(frames, Grid(0.01), Detector()).tolist() == np.cumsum(lengths)[:-1].tolist()
    assert not len(borders_of(np.ones((40, 3)), Grid(0.01), Detector()))
    assert not len(borders_of(frames[:3], Grid(0.01), Detector()))


@given(
    found=st.lists(st.integers(0, 60), max_size=12, unique=True),
    true=st.lists(st.integers(0, 60), max_size=12, unique=True),
)
def test_each_border_is_hit_once(found: list[int], true: list[int]) -> None:
    count = hits(np.array(found, dtype=float), np.array(true, dtype=float), 2.0)
    assert count == slow_boundaries.hits(found, true, 2.0) <= min(len(found), len(true))


def test_figures_of_agreement() -> None:
    half = Agreement(num_hits=5, num_found=10, num_true=10)
    assert (half.precision, half.recall, half.f1) == (0.5, 0.5, 0.5)
    # R of the paper: 1 - (|r1| + |r2|) / 2 with r1 = sqrt(.5^2 + 0), r2 = (0 + .5 - 1) / sqrt(2).
    assert half.r_value == pytest.approx(1 - (0.5 + 0.5 / np.sqrt(2)) / 2)
    assert Agreement(10, 10, 10).r_value == 1
    assert Agreement(10, 30, 10).r_value < Agreement(8, 10, 10).r_value
    assert Agreement(0, 0, 0).f1 == 0


def test_what_is_no_detector_is_refused() -> None:
    with pytest.raises(UsageError, match="above 0"):
        Detector(side_sec=0)
