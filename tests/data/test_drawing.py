"""Sampling by label, and few-shot subsets."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.data.batch_config import Config
from masr.data.batching import Batches
from masr.data.labels import few
from masr.errors import DataError

LABELS = np.repeat([0, 1, 2, -1], [100, 20, 4, 6])


def batches(labels: np.ndarray = LABELS, seed: int = 0, **options: float) -> Batches:
    lengths = np.random.default_rng(1).integers(30, 200, len(labels))
    return Batches(lengths, Config(batch_frames=1000, max_frames=200, **options), seed, labels)


def drawn(plan: Batches, epoch: int = 0) -> list[int]:
    return np.concatenate(plan.epoch(epoch)).tolist()


@pytest.mark.parametrize(("power", "share"), [(1.0, [100, 20, 4]), (0.5, [10, 20**0.5, 2]), (0.0, [1, 1, 1])])
def test_labels_come_in_proportion_to_their_size_to_the_power(power: float, share: list[float]) -> None:
    counts: Counter[int] = Counter()
    plan = batches(label_power=power)
    for epoch in range(20):
        places = drawn(plan, epoch)
        assert len(places) == 124
        counts.update(LABELS[places].tolist())
    assert -1 not in counts
    expected = np.array(share) / sum(share) * 124 * 20
    assert [counts[n] for n in range(3)] == pytest.approx(expected.tolist(), abs=21)


def test_power_one_is_every_labelled_utterance_once() -> None:
    assert sorted(drawn(batches(label_power=1.0))) == list(range(124))


def test_a_rare_label_goes_round_before_any_of_its_utterances_comes_again() -> None:
    rare = Counter(place for place in drawn(batches(label_power=0.0)) if LABELS[place] == 2)
    assert len(rare) == 4 and max(rare.values()) - min(rare.values()) <= 1


def test_the_order_is_a_function_of_seed_and_step_and_keeps_its_budget() -> None:
    one, two, other = batches(), batches(), batches(seed=1)
    assert all(np.array_equal(one.at(step), two.at(step)) for step in (40, 3, 17))
    assert any(not np.array_equal(one.at(step), other.at(step)) for step in range(5))
    assert all(one.lengths[places].max() * len(places) <= 1000 for places in map(one.at, range(60)))


def test_one_label_is_nothing_to_learn() -> None:
    with pytest.raises(DataError, match="two labels"):
        batches(np.zeros(10, dtype=np.int64))


@given(st.lists(st.integers(-1, 4), min_size=1, max_size=80), st.integers(1, 9), st.integers(0, 50))
def test_few_keeps_so_many_of_each_and_more_keep_the_same(labels: list[int], shots: int, seed: int) -> None:
    ids = np.array(labels, dtype=np.int64)
    utts = [f"u{n}" for n in range(len(ids))]
    kept, more = few(ids, utts, shots, seed), few(ids, utts, shots + 3, seed)
    for label in set(labels) - {-1}:
        assert (kept == label).sum() == min(shots, labels.count(label))
    assert ((kept == ids) | (kept == -1)).all()
    assert ((kept == -1) | (more == kept)).all()
    assert np.array_equal(kept, few(ids, utts, shots, seed))
    reverse = few(ids[::-1].copy(), utts[::-1], shots, seed)[::-1]
    assert np.array_equal(kept, reverse)  # an utterance is chosen by its id, not by its place


def test_another_seed_is_another_subset() -> None:
    ids, utts = np.zeros(50, dtype=np.int64), [f"u{n}" for n in range(50)]
    assert not np.array_equal(few(ids, utts, 5, 0), few(ids, utts, 5, 1))
