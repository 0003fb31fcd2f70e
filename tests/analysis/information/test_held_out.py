"""Splits against all that there are; and vectors of speakers, which tell a language by utterance and not by speaker."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.analysis.frame_labels import LabelFrames, Spans
from masr.analysis.information.bounds import Sample, bound, entropy
from masr.analysis.information.held_out import Counts, aside, hold_out, refuse_rare
from masr.analysis.information.pairs import Groups, Limits, PairSource, gather
from masr.errors import AnalysisError
from masr.io.frames import ArrayFrames
from reference import slow_split

SEVERAL = st.dictionaries(st.integers(0, 9), st.sets(st.integers(0, 4), min_size=1), min_size=2, max_size=7)


def counts_of(classes: dict[int, set[int]]) -> Counts:
    pairs = np.array(sorted((unit, one) for unit, own in classes.items() for one in own))
    return Counts(pairs[:, 0], pairs[:, 1], np.ones(len(pairs), dtype=np.int64))


@settings(max_examples=300, deadline=None)
@given(SEVERAL, st.integers(0, 1000), st.sampled_from([None, 0.1, 0.5, 0.9]))
def test_a_split_is_found_where_there_is_one_and_it_has_all_classes_on_both_sides(
    classes: dict[int, set[int]], seed: int, share: float | None
) -> None:
    counts = counts_of(classes)
    possible = slow_split.splits(classes)
    rare = {one for own in classes.values() for one in own if sum(one in other for other in classes.values()) < 2}
    assert set(counts.rare().tolist()) == rare
    if rare:
        assert not possible
        with pytest.raises(AnalysisError, match="cannot be tested"):
            refuse_rare(counts, "abcde", "spk")
        return
    refuse_rare(counts, "abcde", "spk")
    if not possible:
        with pytest.raises(AnalysisError, match="no way was found"):
            hold_out(counts, share, np.random.default_rng(seed))
        return
    held = hold_out(counts, share, np.random.default_rng(seed))
    assert frozenset(np.flatnonzero(held).tolist()) in possible
    again = hold_out(counts, share, np.random.default_rng(seed))
    np.testing.assert_array_equal(held, again)


def test_where_any_split_will_do_each_unit_is_as_likely_and_the_share_is_kept() -> None:
    common = {unit: {0, 1} for unit in range(10)}
    times = np.zeros(10)
    for seed in range(2000):
        held = hold_out(counts_of(common), 0.3, np.random.default_rng(seed))
        assert held.sum() == 3
        times += held
    assert np.abs(times - 600).max() < 5 * np.sqrt(2000 * 0.3 * 0.7)


@pytest.mark.parametrize(
    ("share", "wanted"), [(0.25, [2, 1, 1]), (0.5, [4, 1, 2]), (0.99, [7, 1, 2]), (None, [3, 1, 1])]
)
def test_of_speakers_with_one_class_each_the_same_share_of_every_class(share: Any, wanted: list[int]) -> None:
    """8, 2 and 3 speakers; by itself it is five of 13: 5 / 13 of each class, at least one, and never all."""
    classes = np.repeat([0, 1, 2], [8, 2, 3])
    counts = Counts(np.arange(13), classes, np.ones(13, dtype=np.int64))
    for seed in range(20):
        held = hold_out(counts, share, np.random.default_rng(seed))
        assert [int(held[classes == one].sum()) for one in range(3)] == wanted


def test_what_chooses_a_probe_is_whole_units_or_else_stretches_of_each() -> None:
    units, labels = np.repeat([3, 5, 6, 8], 20), np.repeat([0, 0, 1, 1], 20)
    held = aside(units, labels, 0)
    for one in (0, 1):
        assert len({bool(x) for x in held[labels == one].reshape(2, 20).any(axis=1)}) == 2
        assert held[labels == one].sum() == 20
    mixed = aside(np.repeat(np.arange(30), 4), np.tile([0, 1, 0, 2], 30), 1)
    assert mixed.reshape(30, 4).all(axis=1).sum() == mixed.reshape(30, 4).any(axis=1).sum() == 3
    random = np.random.default_rng(1)
    alone = np.repeat([0, 1], [30, 47])[random.permutation(77)]
    held = aside(alone, alone, 5)  # each class is of one unit
    ways = [slow_split.stretches(alone.tolist(), {0: a, 1: b}) for a in range(10) for b in range(10)]
    assert held.tolist() in ways
    with pytest.raises(AnalysisError, match="too few"):
        aside(np.array([0]), np.array([0]), 0)


def spoken(num_langs: int = 5, per_lang: int = 8, num_utts: int = 6) -> tuple[ArrayFrames, LabelFrames, Groups]:
    """Vectors that are drawn for each speaker, and know nothing else; each speaker has one language."""
    random, frames_each = np.random.default_rng(0), 10
    num = num_langs * per_lang
    who = random.standard_normal((num, 16))
    utts = [f"s{s:02d}-{u}" for s in range(num) for u in range(num_utts)]
    rows = np.repeat(who, num_utts * frames_each, axis=0) + 0.05 * random.standard_normal((len(utts) * frames_each, 16))
    first = ArrayFrames("z", rows.astype(np.float32), np.arange(len(utts) + 1) * frames_each, utts)
    langs = "abcde"[:num_langs]
    spans = {utt: Spans([-np.inf], [np.inf], [int(utt[1:3]) % num_langs]) for utt in utts}
    return first, LabelFrames("y", first, langs, spans), Groups("spk", {utt: utt[:3] for utt in utts})


@pytest.mark.parametrize("probe", ["logistic", "mlp"])
def test_vectors_of_speakers_tell_language_by_utterance_and_nothing_by_speaker(probe: Any) -> None:
    first, second, groups = spoken()
    found = {}
    for by in (None, groups):
        split = gather(PairSource(first, second, names=second.names, groups=by), Limits(seed=1))
        samples = [Sample(part.first, part.labels(), part.units) for part in (split.train, split.test)]
        found[split.held_out.by] = bound(samples[0], samples[1], 5, probe)
        if by is groups:
            assert split.held_out.as_json() == {"by": "spk", "train": 30, "held_out": 10, "left_out": []}
            assert not set(split.train.units) & set(split.test.units)
    assert found["utterance"].bound.value > 0.9 * entropy(np.arange(5))
    low, value, high = found["spk"].bound.low, found["spk"].bound.value, found["spk"].bound.high
    assert low is not None and high is not None
    assert low <= value <= high
    assert low < 0 and value < 0.03  # a probe that is chosen well by other speakers knows no more than shares: 0


def test_a_language_of_one_speaker_is_refused_or_left_out() -> None:
    first, second, groups = spoken(3, 2)
    alone = Groups("spk", {utt: "s00" if spk in ("s00", "s03") else spk for utt, spk in groups.values.items()})
    source = PairSource(first, second, names=second.names, groups=alone)
    with pytest.raises(AnalysisError, match="one spk alone has each: a") as caught:
        gather(source)
    assert caught.value.what.endswith(": a; they have 33.3 % of the frames")
    assert "--held-out-by utterance" in caught.value.fix and "--testable-only" in caught.value.fix
    split = gather(source, Limits(testable_only=True))
    assert split.held_out.left_out == ("a",)
    assert {*split.train.labels(), *split.test.labels()} == {1, 2}
    assert split.held_out.num_train + split.held_out.num_test == 4
    every = Groups("spk", {utt: f"of {utt[1:3]}"[:2] + "abc"[int(utt[1:3]) % 3] for utt in groups.values})
    with pytest.raises(AnalysisError, match="3 of the classes") as caught:
        gather(PairSource(first, second, names=second.names, groups=every))
    assert "--testable-only" not in caught.value.fix
    with pytest.raises(AnalysisError, match="one class alone can be tested"):
        gather(PairSource(first, second, names=second.names, groups=every), Limits(testable_only=True))


@pytest.mark.parametrize(("frames", "is_refused"), [(10, False), (11, True)])
def test_a_class_of_one_speaker_with_hardly_a_frame_is_left_out_and_named(frames: int, is_refused: bool) -> None:
    counts = Counts(np.arange(5), np.array([0, 0, 1, 1, 2]), np.array([300, 300, 300, 100 - frames, frames]))
    if is_refused:
        with pytest.raises(AnalysisError, match="1 of the classes"):
            refuse_rare(counts, "abc", "spk")
    else:
        refuse_rare(counts, "abc", "spk")
    first, second, groups = spoken(2, 4)
    second.spans["s00-0"] = Spans([0, 8], [8, 100], [0, 2])  # two frames of 480, of a class that nobody else has
    second.names = ("a", "b", "c")
    split = gather(PairSource(first, second, names=second.names, groups=groups))
    assert split.held_out.left_out == ("c",)
    assert 2 not in {*split.train.labels(), *split.test.labels()}


def test_an_utterance_without_a_value_is_refused() -> None:
    first, second, groups = spoken(2, 2)
    values = dict(groups.values) | {"s01-2": "unknown"}
    with pytest.raises(AnalysisError, match="s01-2 has no room"):
        PairSource(first, second, names=second.names, groups=Groups("room", values))
    array = ArrayFrames("z", np.zeros((50, 2), np.float32))
    with pytest.raises(AnalysisError, match="does not say"):
        PairSource(array, array, groups=groups)
