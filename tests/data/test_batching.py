"""Batches as properties: a pure function of (seed, step), inside the budget, every utterance once an epoch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.data.batch_config import Config
from masr.data.batching import Batches, worst_case
from masr.errors import DataError

lengths_of = st.lists(st.integers(1, 400), min_size=1, max_size=60).map(lambda x: np.array(x, dtype=np.int64))
SMALL = {"batch_frames": 1000, "min_frames": 5, "max_frames": 300}


@settings(max_examples=80, deadline=None)
@given(lengths=lengths_of, seed=st.integers(0, 99), epoch=st.integers(0, 5), crop=st.booleans(), most=st.integers(1, 9))
def test_an_epoch_has_every_usable_utterance_once_and_keeps_its_budget(
    lengths: np.ndarray, seed: int, epoch: int, crop: bool, most: int
) -> None:
    config = Config(**SMALL, crop=crop, max_utterances=most)
    usable = [i for i, n in enumerate(lengths) if n >= 5 and (crop or n <= 300)]
    if not usable:
        with pytest.raises(DataError):
            Batches(lengths, config, seed)
        return
    batches = Batches(lengths, config, seed).epoch(epoch)
    assert sorted(np.concatenate(batches).tolist()) == usable
    for batch in batches:
        assert 0 < len(batch) <= most
        assert np.minimum(lengths[batch], 300).max() * len(batch) <= 1000


@settings(max_examples=80, deadline=None)
@given(lengths=lengths_of, most=st.integers(1, 9))
def test_a_batch_ends_only_where_one_more_would_not_fit(lengths: np.ndarray, most: int) -> None:
    plan = Batches(np.maximum(lengths, 5), Config(**SMALL, max_utterances=most), 0)
    order = np.random.default_rng(0).permutation(len(lengths))
    filled: list[list[int]] = []
    for place in order:
        one_more = [*filled[-1], int(place)] if filled else []
        if one_more and len(one_more) <= most and plan.lengths[one_more].max() * len(one_more) <= 1000:
            filled[-1] = one_more
        else:
            filled.append([int(place)])
    assert [piece.tolist() for piece in plan._cut(order)] == filled


@settings(max_examples=30, deadline=None)
@given(
    lengths=lengths_of.filter(lambda x: bool((x >= 5).any())), seed=st.integers(0, 9), steps=st.permutations(range(12))
)
def test_a_step_does_not_depend_on_what_was_asked_before(lengths: np.ndarray, seed: int, steps: list[int]) -> None:
    config = Config(**SMALL, max_utterances=4)
    fresh = [Batches(lengths, config, seed).at(step).tolist() for step in range(12)]
    used = Batches(lengths, config, seed)
    assert {step: used.at(step).tolist() for step in steps} == dict(enumerate(fresh))


def test_what_is_not_kept_is_in_no_batch() -> None:
    lengths = np.array([50, 60, 70, 80, 3, 90, 95], dtype=np.int64)
    kept = np.array([True, False, True, True, True, True, False])
    for stream, labels in (("", None), ("x", np.array([0, 0, 1, 1, 0, 0, 1]))):
        batches = Batches(lengths, Config(**SMALL, stream=stream), 0, labels, kept)
        assert {int(place) for step in range(9) for place in batches.at(step)} == {0, 2, 3, 5}
    with pytest.raises(DataError):
        Batches(lengths, Config(**SMALL), 0, None, np.zeros(7, dtype=np.bool_))


def test_epochs_and_seeds_differ() -> None:
    lengths = np.random.default_rng(0).integers(50, 300, 200)
    config = Config(**SMALL)
    plans = [
        [b.tolist() for b in Batches(lengths, config, seed).epoch(epoch)] for seed, epoch in [(1, 0), (1, 1), (2, 0)]
    ]
    assert plans[0] != plans[1]
    assert plans[0] != plans[2]


def test_batches_are_of_like_length() -> None:
    lengths = np.random.default_rng(0).integers(50, 300, 2000)
    batches = Batches(lengths, Config(**SMALL), 1).epoch(0)
    padded = sum(int(lengths[b].max()) * len(b) for b in batches)
    assert lengths.sum() / padded > 0.85


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=2, max_size=8),
    seed=st.integers(0, 99),
    step=st.integers(0, 99),
    wanted=st.integers(2, 6),
    each=st.integers(2, 4),
)
def test_balanced_batches_hold_labels_with_positives(
    sizes: list[int], seed: int, step: int, wanted: int, each: int
) -> None:
    labels = np.append(np.repeat(np.arange(len(sizes)), sizes), [-1, -1])
    lengths = np.random.default_rng(seed).integers(20, 100, len(labels))
    config = Config(batch_frames=2400, max_frames=300, stream="x", labels_per_batch=wanted, utterances_per_label=each)
    if sum(size > 1 for size in sizes) < 2:
        with pytest.raises(DataError, match="fewer than two labels"):
            Batches(lengths, config, seed, labels)
        return
    places = Batches(lengths, config, seed, labels).at(step)
    assert places.tolist() == Batches(lengths, config, seed, labels).at(step).tolist()
    assert len(set(places.tolist())) == len(places)
    many = np.array([n for n in labels[places] if n >= 0 and sizes[n] > 1])
    counts = np.bincount(many)
    assert (counts[counts > 0] >= 2).all()
    assert counts.max() <= each
    assert 2 <= (counts > 0).sum() <= wanted
    assert lengths[places].max() * len(places) <= 2400


def test_label_power_evens_out_the_draw() -> None:
    labels = np.repeat([0, 1, 2], [1000, 10, 10])
    lengths = np.full(1020, 50)

    def share_of_first(power: float) -> float:
        config = Config(**SMALL, stream="x", labels_per_batch=2, label_power=power)
        batches = Batches(lengths, config, 0, labels)
        return float(np.mean([0 in labels[batches.at(step)] for step in range(300)]))

    assert abs(share_of_first(0.0) - 2 / 3) < 0.08
    assert share_of_first(1.0) > 0.95


def test_worst_case_is_the_costliest_step() -> None:
    lengths = np.random.default_rng(1).integers(50, 300, 300)
    batches = Batches(lengths, Config(**SMALL), 1)
    costs = [int(lengths[batches.at(s)].max()) * len(batches.at(s)) for s in range(20)]
    assert costs[worst_case(batches, range(20))] == max(costs)


@pytest.mark.parametrize("stream", ["", "x"])
def test_worst_case_is_the_step_with_the_costliest_part(stream: str) -> None:
    """A micro-batch of one rank is what has to fit into memory."""
    random = np.random.default_rng(1)
    lengths, labels = random.integers(50, 300, 300), random.integers(-1, 6, 300)
    config = Config(batch_frames=3000, max_frames=300, stream=stream, labels_per_batch=4, utterances_per_label=4)
    batches = Batches(lengths, config, 1, labels if stream else None)
    whole, parted = [], []
    for step in range(40):
        places = batches.at(step)
        cut = batches.parts(places, 3, 2)
        assert sorted(np.concatenate(cut).tolist()) == sorted(places.tolist())
        whole.append(int(lengths[places].max()) * len(places))
        parted.append(max(int(lengths[part].max()) * len(part) for part in cut if len(part)))
    assert parted[worst_case(batches, range(40), 3, 2)] == max(parted) < max(whole)
    assert whole[worst_case(batches, range(40))] == max(whole)


@pytest.mark.parametrize(
    "settings", [{"batch_frames": 10}, {"min_frames": 5000}, {"stream": "x", "utterances_per_label": 1}]
)
def test_impossible_settings_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"batch_frames|min_frames|at least 2"):
        Config(**settings)
