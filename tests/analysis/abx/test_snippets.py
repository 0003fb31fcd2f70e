from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.abx.snippets import WHOLE, cut, snippets_of
from masr.errors import AnalysisError
from masr.io.frames import ArrayFrames, Grid
from reference import slow_abx


@given(
    count=st.integers(0, 90),
    pieces=st.lists(st.integers(0, 90), max_size=5),
    shift=st.sampled_from([0.01, 0.02, 0.04, 0.1]),
    start=st.sampled_from([0.0, 0.0125, 0.02]),
    length=st.sampled_from([0.3, 0.5, 1.0]),
    pool=st.sampled_from(["max", "mean", "statistics", "extremes", "soft_max"]),
)
@settings(max_examples=100, deadline=None)
def test_equal_to_loops_however_frames_arrive(
    count: int, pieces: list[int], shift: float, start: float, length: float, pool: Any
) -> None:
    frames = np.random.default_rng(count).standard_normal((count, 3)) + 5
    borders = sorted(min(p, count) for p in pieces)
    found = list(cut(np.split(frames, borders), Grid(shift, start), length, pool))
    expected = slow_abx.snippets(frames.tolist(), shift, start, length, pool)
    assert len(found) == len(expected)
    if expected:
        assert np.allclose(np.stack(found), np.array(expected), atol=1e-5)


def test_a_soft_maximum_lies_between_mean_and_maximum_and_never_overflows() -> None:
    frames = np.random.default_rng(1).standard_normal((100, 4)) * 1000
    found = {
        pool: np.stack(list(cut(np.split(frames, [30]), Grid(0.02, 0.01), 1.0, pool)))
        for pool in ("mean", "soft_max", "max")
    }
    assert np.isfinite(found["soft_max"]).all()
    assert (found["mean"] < found["soft_max"]).all() and (found["soft_max"] < found["max"]).all()


def test_snippets_of_a_second_at_fifty_frames() -> None:
    frames = np.arange(149.0)[:, None]
    found = [float(v[0]) for v in cut([frames], Grid(0.02, 0.0125), 1.0)]
    assert found == [49.0, 99.0, 148.0]
    # The last one has 49 of its 50 frames; with 44 it is left out.
    assert len(list(cut([frames[:144]], Grid(0.02, 0.0125), 1.0))) == 2


def test_the_deviation_keeps_its_digits_far_from_zero() -> None:
    frames = np.random.default_rng(0).standard_normal((1000, 1)) + 1e6
    vector = next(cut(np.split(frames, 100), Grid(0.01), 10.0, "statistics"))
    assert vector[1] == pytest.approx(frames.std(), rel=1e-6)


def test_groups_join_utterances_and_each_is_cut_by_itself() -> None:
    values = np.arange(300.0)[:, None]
    frames = ArrayFrames("a", values, np.array([0, 120, 200, 300]), ["u1", "u2", "u3"])
    frames.grid = Grid(0.01, 0.005)
    found = snippets_of(frames, range(3), ["r", "q", "r"], [0.5, WHOLE])
    assert found[0.5]["r"].ravel().tolist() == [49, 99, 249, 299]
    assert found[0.5]["q"].ravel().tolist() == [169]
    assert found[WHOLE]["r"].ravel().tolist() == [119, 299]
    assert snippets_of(frames, range(3), ["r", "q", "r"], [1.5], "statistics")[1.5]["q"].shape == (0, 2)


def test_what_cannot_be_cut_is_refused() -> None:
    frames = ArrayFrames("a.npy", np.ones((50, 2)))
    with pytest.raises(AnalysisError, match="in a second"):
        snippets_of(frames, [0], ["r"], [1.0])
    assert snippets_of(frames, [0], ["r"], [WHOLE])[WHOLE]["r"].tolist() == [[1, 1]]
    frames.grid = Grid(0.5)
    with pytest.raises(AnalysisError, match="fewer than three"):
        snippets_of(frames, [0], ["r"], [1.0])
