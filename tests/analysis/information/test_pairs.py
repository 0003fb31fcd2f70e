"""Pairs taken as they come by: whole utterances are held out, frames are drawn uniformly, with their partners."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from masr.analysis.information.held_out import Counts
from masr.analysis.information.pairs import Limits, gather
from masr.errors import AnalysisError

COUNTS = np.array([0, 5, 9, 1, 7, 12, 3, 8, 4, 6, 10])


class Made:
    """Frame n of utterance u is (u, n), and goes with (-u, n); an utterance comes in pieces of four frames."""

    names, by = None, "utterance"

    def counts(self) -> Counts:
        units = np.flatnonzero(COUNTS)
        return Counts(units, np.zeros_like(units), COUNTS[units])

    def __iter__(self) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        for unit, count in enumerate(COUNTS):
            frames = np.stack([np.full(count, unit), np.arange(count)], axis=1)
            for start in range(0, count, 4):
                piece = frames[start : start + 4]
                yield unit, piece, piece * [-1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_all_frames_come_once_and_whole_utterances_are_held_out(seed: int) -> None:
    split = gather(Made(), Limits(train=1000, test=1000, share=0.5, seed=seed))
    train, test = split.train, split.test
    assert (split.held_out.num_train, split.held_out.num_test) == (5, 5)
    for part in (train, test):
        np.testing.assert_array_equal(part.first * [-1, 1], part.second)
        np.testing.assert_array_equal(part.first[:, 0], part.units)
        assert part.first.dtype == np.float32
    assert len(set(test.units)) == 5  # of the ten that have frames
    assert not set(test.units) & set(train.units)
    both = {tuple(frame) for part in (train, test) for frame in part.first.tolist()}
    assert len(both) == len(train.units) + len(test.units) == COUNTS.sum()


def test_of_too_many_frames_all_of_an_utterance_are_as_likely() -> None:
    taken = np.zeros((len(COUNTS), 12))
    for seed in range(400):
        split = gather(Made(), Limits(train=10, test=10, share=0.5, seed=seed))
        for part in (split.train, split.test):
            assert len(part.units) == 10
            np.add.at(taken, tuple(part.first.astype(int).T), 1)
    for row, count in zip(taken, COUNTS):
        mean = row.sum() / max(count, 1)
        assert np.abs(row[:count] - mean).max(initial=0) < 5 * np.sqrt(mean + 1)


def test_one_utterance_cannot_be_held_out() -> None:
    lonely = Made()
    lonely.counts = lambda: Counts(*np.array([[1], [0], [7]]))  # type: ignore[method-assign]
    with pytest.raises(AnalysisError, match="of 1 utterance: nothing"):
        gather(lonely)
