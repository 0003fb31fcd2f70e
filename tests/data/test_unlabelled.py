"""Balanced batches hear speech without a label: as much as asked, every utterance once before any comes again."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.data.batch_config import Config
from masr.data.batching import Batches
from masr.errors import DataError

RANDOM = np.random.default_rng(0)
LENGTHS = RANDOM.integers(50, 300, 600)
LABELS = np.where(RANDOM.random(600) < 0.3, -1, np.arange(600) % 20)


def plan(
    labels: np.ndarray = LABELS, seed: int = 0, kept: np.ndarray | None = None, **options: float | None
) -> Batches:
    config = {"batch_frames": 9000, "max_frames": 300, "labels_per_batch": 8, **options}
    return Batches(LENGTHS[: len(labels)], Config(stream="x", **config), seed, labels, kept)  # type: ignore[arg-type]


def share_of(batches: Batches, labels: np.ndarray, steps: int) -> float:
    return float(np.mean(labels[np.concatenate([batches.at(step) for step in range(steps)])] < 0))


def dropped(share: float, seed: int = 1) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random(600) < share, -1, np.arange(600) % 20)


@pytest.mark.parametrize("asked", [None, 0.02, 0.5, 0.7])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"utterances_per_label": 3, "max_utterances": 40},  # as many labels as the number of utterances allows
        {"batch_frames": 5000, "labels_per_batch": 12, "label_power": 1.0},  # as many as the frames allow
        {"labels_per_batch": 3},
    ],
)
def test_the_share_is_as_asked(asked: float | None, options: dict[str, float]) -> None:
    wanted = float(np.mean(LABELS < 0)) if asked is None else asked
    batches = plan(unlabelled_share=asked, **options)
    assert share_of(batches, LABELS, 1000) == pytest.approx(wanted, abs=0.01)


def test_the_share_is_as_asked_where_one_without_a_label_is_as_long_as_ten_with() -> None:
    """A step of short ones has room for 32, one with a single long one beside them for 8: most have none."""
    labels = np.where(np.arange(600) < 500, np.arange(600) % 20, -1)
    lengths = np.where(labels < 0, 300, 30)
    budget = {"batch_frames": 3000, "max_frames": 300, "labels_per_batch": 8, "utterances_per_label": 4}
    batches = Batches(lengths, Config(stream="x", unlabelled_share=0.02, **budget), 0, labels)
    assert {len(batches.at(step)) for step in range(100)} == {32, 9}
    assert share_of(batches, labels, 2000) == pytest.approx(0.02, rel=0.05)


def test_labels_of_few_utterances_bring_as_many_without() -> None:
    labels = np.append(np.repeat(np.arange(10), [2, 2, 2, 3, 3, 4, 9, 9, 20, 46]), np.full(100, -1))
    assert share_of(plan(labels, utterances_per_label=5), labels, 1000) == pytest.approx(0.5, abs=0.01)


@settings(max_examples=40, deadline=None)
@given(
    loose=st.integers(1, 40),
    labelled=st.integers(8, 40),
    asked=st.none() | st.floats(0.05, 0.6),
    seed=st.integers(0, 99),
)
def test_each_is_heard_once_before_any_comes_again(loose: int, labelled: int, asked: float | None, seed: int) -> None:
    labels = np.append(np.arange(labelled) % 4, np.full(loose, -1))
    try:
        batches = plan(labels, seed, unlabelled_share=asked)
    except DataError as error:
        assert "do not fit" in error.what
        return
    heard: Counter[int] = Counter()
    for step in range(min(300, 8 * loose)):
        places = batches.at(step)
        assert len(set(places.tolist())) == len(places)
        assert batches.lengths[places].max() * len(places) <= 9000
        assert len(set(labels[places].tolist()) - {-1}) >= 2
        heard.update(places[labels[places] < 0].tolist())
        counts = [heard[place] for place in range(labelled, len(labels))]
        assert max(counts) - min(counts) <= 1
    assert min(counts) > 0


@pytest.mark.parametrize("loose", [3, 40, 90])
def test_rounds_differ_where_there_is_room_for_it(loose: int) -> None:
    labels = np.append(np.arange(60) % 6, np.full(loose, -1))
    batches = plan(labels, unlabelled_share=0.1)
    row = np.concatenate([batches.at(step) for step in range(10 * loose)])
    row = row[labels[row] < 0]
    first, second = row[:loose].tolist(), row[loose : 2 * loose].tolist()
    assert sorted(first) == sorted(second)
    assert (first == second) == (loose == 3)


@pytest.mark.parametrize("drop", [0.1, 0.5, 0.8])
def test_where_labels_are_dropped_all_utterances_are_heard(drop: float) -> None:
    batches = plan(dropped(drop), label_power=1.0)
    assert {int(p) for step in range(600) for p in batches.at(step)} == set(range(600))


def test_the_only_utterance_of_a_label_is_heard_as_one_without() -> None:
    labels = np.append(np.arange(40) % 4, [7, 8, 9])
    batches = plan(labels)
    counts = Counter(int(p) for step in range(100) for p in batches.at(step))
    assert {40, 41, 42} < set(counts)
    assert counts[40] > 5 and abs(counts[40] - counts[41]) <= 1


def test_a_step_needs_no_earlier_one_and_seeds_differ() -> None:
    used = plan()
    found = {step: used.at(step).tolist() for step in (5000, 3, 90, 4, 4999, 0)}
    assert all(plan().at(step).tolist() == places for step, places in found.items())
    assert all(plan(seed=1).at(step).tolist() != places for step, places in found.items())


@pytest.mark.parametrize("asked", [None, 0.0])
def test_where_none_is_wanted_batches_are_those_of_the_labelled_alone(asked: float | None) -> None:
    labels = np.where(LABELS < 0, 0, LABELS) if asked is None else LABELS
    whole = plan(labels, unlabelled_share=asked)
    alone = plan(labels, kept=labels >= 0, unlabelled_share=None)
    for step in range(20):
        assert whole.at(step).tolist() == alone.at(step).tolist()
        assert (labels[whole.at(step)] >= 0).all()


def test_the_labelled_part_is_drawn_as_without_the_others() -> None:
    """Pinned: what a step held before utterances without a label were heard."""
    labels = np.append(np.repeat(np.arange(4), 5), np.full(5, -1))
    places = plan(labels, labels_per_batch=3).at(7)
    assert places[labels[places] >= 0].tolist() == [12, 11, 18, 16, 7, 8]


def test_what_is_not_kept_is_not_heard() -> None:
    kept = np.random.default_rng(3).random(600) < 0.5
    batches = plan(kept=kept)
    heard = {int(p) for step in range(600) for p in batches.at(step)}
    assert heard == set(np.flatnonzero(kept).tolist())


@pytest.mark.parametrize(
    ("labels", "options", "words", "fix"),
    [
        (np.arange(600) % 20, {"unlabelled_share": 0.1}, "every utterance has a label", "unlabelled_share"),
        (LABELS, {"unlabelled_share": 0.95}, "do not fit", "at most 0.86, raise batching.batch_frames"),
        (np.append(np.arange(60) % 6, [-1]), {"unlabelled_share": 0.5}, "do not fit", "at most 0.2"),
        (np.full(600, -1), {}, "fewer than two labels", "label_drop"),
    ],
)
def test_what_cannot_be_is_refused_at_the_start(
    labels: np.ndarray, options: dict[str, float], words: str, fix: str
) -> None:
    with pytest.raises(DataError, match=words) as caught:
        plan(labels, **options)
    assert fix in caught.value.fix


@pytest.mark.parametrize("share", [-0.1, 1.0, 2.0, float("nan")])
def test_a_share_is_one(share: float) -> None:
    with pytest.raises(ValueError, match="unlabelled_share"):
        Config(unlabelled_share=share)
