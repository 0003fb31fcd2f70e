from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.abx import closeness as abx
from masr.analysis.abx.closeness import closeness, mean_closeness, num_right
from masr.analysis.abx.tree import leaves, tree_of
from masr.errors import AnalysisError
from masr.maths.bootstrap import drawn
from reference import slow_abx, slow_bootstrap


def some(seed: int, counts: tuple[int, ...] = (5, 7, 3), width: int = 4) -> list[Any]:
    random = np.random.default_rng(seed)
    return [
        (random.standard_normal((count, width)) + 0.7 * random.standard_normal(width)).astype(np.float32)
        for count in counts
    ]


@given(seed=st.integers(0, 10_000), distance=st.sampled_from(["cosine", "euclidean"]))
@settings(max_examples=25, deadline=None)
def test_equal_to_a_loop_over_triplets(seed: int, distance: Any) -> None:
    recordings = some(seed)
    found = closeness(recordings, distance=distance)
    slow = slow_abx.cosine_distance if distance == "cosine" else slow_abx.euclidean_distance
    for i, first in enumerate(recordings):
        for j, second in enumerate(recordings):
            if i != j:
                score, count = slow_abx.recordings(first.tolist(), second.tolist(), slow)
                assert found.scores[i, j] == pytest.approx(score, abs=1e-12)
                assert found.num_triplets[i, j] == count
    assert np.isnan(np.diag(found.scores)).all()


@given(
    own=st.lists(st.lists(st.integers(0, 4), min_size=4, max_size=4), min_size=1, max_size=3),
    other=st.lists(st.integers(0, 4), min_size=1, max_size=5),
)
@settings(max_examples=100, deadline=None)
def test_ties_count_a_half(own: list[list[int]], other: list[int]) -> None:
    rows = np.array(own, dtype=np.float64)
    others = np.tile(np.array(other, dtype=np.float64), (len(rows), 1))
    expected = sum(slow_abx.verdict(a, b) for row in own for a in row for b in other)
    assert num_right(rows, others) == expected


def test_a_small_case_by_hand() -> None:
    # By hand: in A the two points lie 1 apart, B's point is 1 from one of them (a tie) and 2 from the other (right).
    found = closeness([np.array([[0.0], [1.0]]), np.array([[2.0]])], distance="euclidean")  # type: ignore[list-item]
    assert found.scores[0, 1] == 0.75
    assert found.num_triplets.tolist() == [[0, 2], [0, 0]]
    assert np.isnan(found.scores[1, 0])
    assert found.both[0, 1] == found.both[1, 0] == 0.75


def test_equal_recordings_score_below_a_half_only_by_the_snippet_itself() -> None:
    vectors = some(3, (9,))[0]
    found = closeness([vectors, vectors.copy()])
    # Each X has its own copy among the B's, which no A can beat; all others tie in pairs.
    assert found.scores[0, 1] == found.scores[1, 0]
    assert found.scores[0, 1] == pytest.approx(0.5 * 8 / 9)


def test_many_equal_snippets_tie_exactly() -> None:
    random = np.random.default_rng(0)
    one = random.standard_normal(1024).astype(np.float32)
    found = closeness([np.tile(one, (70, 1)), np.tile(one, (33, 1)), random.standard_normal((5, 1024))])  # type: ignore[list-item]
    assert found.scores[0, 1] == found.scores[1, 0] == 0.5
    assert found.scores[0, 2] == 1.0


@given(seed=st.integers(0, 10_000), scale=st.floats(0.01, 100))
@settings(max_examples=20, deadline=None)
def test_turning_and_scaling_change_nothing(seed: int, scale: float) -> None:
    recordings = some(seed)
    turn, _ = np.linalg.qr(np.random.default_rng(seed).standard_normal((4, 4)))
    turned = [(one.astype(np.float64) @ turn * scale) for one in recordings]
    for distance in ("cosine", "euclidean"):
        before = closeness([one.astype(np.float64) for one in recordings], distance=distance)  # type: ignore[arg-type, misc]
        after = closeness(turned, distance=distance)  # type: ignore[arg-type]
        assert np.allclose(before.scores, after.scores, equal_nan=True)


def test_far_apart_is_one_and_the_same_source_is_chance() -> None:
    random = np.random.default_rng(0)
    here, there = random.standard_normal((2, 200, 8)) + np.array([6.0, -6.0])[:, None, None]
    assert closeness([here, there]).scores[0, 1] == 1.0
    again = random.standard_normal((2, 200, 8))
    assert closeness(list(again)).scores[0, 1] == pytest.approx(0.5, abs=0.05)


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = some(5, (11, 6, 4))
    whole = closeness(recordings)
    monkeypatch.setattr(abx, "_BLOCK_VALUES", 50)
    assert np.array_equal(closeness(recordings).scores, whole.scores, equal_nan=True)


def test_small_differences_of_directions_are_seen() -> None:
    # Cosines that float32 cannot tell from 1.
    angles = [np.array([[1.0, 0.0], [1.0, 1e-5]]), np.array([[1.0, 4e-5], [1.0, 5e-5]])]
    assert closeness(angles).scores.tolist()[0][1] == 1.0  # type: ignore[arg-type]


def test_mean_and_interval() -> None:
    scores = np.full((6, 6), 0.5)
    scores[0, :], scores[:, 0] = 0.9, 0.9
    np.fill_diagonal(scores, np.nan)
    found = mean_closeness(scores, seed=1)
    assert found.value == pytest.approx((10 * 0.9 + 20 * 0.5) / 30)
    assert found.count == 30
    assert found.low == pytest.approx(0.5)
    assert found.high is not None and 0.63 < found.high < 0.9
    assert mean_closeness(scores, seed=1) == found
    assert mean_closeness(scores[:2, :2]).low is None
    constant = mean_closeness(np.where(np.isnan(scores), np.nan, 0.7))
    assert (constant.low, constant.high) == (pytest.approx(0.7), pytest.approx(0.7))


def test_mean_of_chosen_pairs() -> None:
    scores = np.array([[np.nan, 0.6, 0.9], [0.6, np.nan, 0.8], [0.9, 0.8, np.nan]])
    chosen = np.zeros((3, 3), dtype=bool)
    chosen[0, 1] = chosen[1, 0] = True
    assert mean_closeness(scores, chosen=chosen).value == pytest.approx(0.6)
    assert mean_closeness(scores, chosen=chosen).count == 2
    # Most draws of the three have none of the one pair, so that they say nothing of it.
    assert mean_closeness(scores, chosen=chosen).low is None
    none = mean_closeness(scores, chosen=np.zeros((3, 3), dtype=bool))
    assert np.isnan(none.value) and none.count == 0 and none.low is None


def test_the_interval_is_that_of_recordings_taken_one_by_one() -> None:
    random = np.random.default_rng(4)
    scores = random.random((5, 5))
    np.fill_diagonal(scores, np.nan)
    scores[2, 4] = np.nan

    def slowly(taken: list[int]) -> float:
        pairs = [scores[i, j] for i in taken for j in taken if not np.isnan(scores[i, j])]
        return float(sum(pairs) / len(pairs)) if pairs else float("nan")

    values = slow_bootstrap.redrawn(list(range(5)), list(range(5)), drawn(5, 2).tolist(), slowly)
    found = mean_closeness(scores, seed=2)
    assert (found.low, found.high) == pytest.approx(slow_bootstrap.interval(values), rel=1e-9)
    assert found.value == pytest.approx(slowly(list(range(5))))


def test_tree_joins_what_is_hard_to_tell_apart() -> None:
    scores = np.full((4, 4), 0.95)
    for a, b, value in ((0, 2, 0.55), (1, 3, 0.65)):
        scores[a, b] = scores[b, a] = value
    tree = tree_of(scores)
    assert sorted((tree[0].left, tree[0].right)) == [0, 2]
    assert tree[0].height == pytest.approx(0.05)
    assert tree[1].height == pytest.approx(0.15)
    assert tree[2].height == pytest.approx(0.45)
    order = leaves(tree, 4)
    assert {frozenset(order[:2]), frozenset(order[2:])} == {frozenset({0, 2}), frozenset({1, 3})}
    scores[0, 1] = scores[1, 0] = np.nan
    assert tree_of(scores) == ()


@pytest.mark.parametrize(
    ("recordings", "said"),
    [
        ([np.ones((2, 3))], "at least two"),
        ([np.ones((2, 3)), np.ones((0, 3))], "no snippets"),
        ([np.ones((2, 3)), np.ones((2, 4))], "wide"),
        ([np.ones((4, 3)), np.array([[1, 2, 3], [1, np.nan, 2]])], "^1 has values that are no finite"),
        ([np.ones((2, 3)), np.zeros((2, 3))], "zero throughout"),
    ],
)
def test_what_cannot_be_compared_is_refused(recordings: list[Any], said: str) -> None:
    with pytest.raises(AnalysisError, match=said):
        closeness(recordings)
