"""A step over ranks and micro-batches: nothing lost, parts that cost alike, two of a label wherever there is one."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.data.cutting import Int64Array, cut_step, deal, pieces
from reference import slow_cuts

lengths_of = st.lists(st.integers(1, 400), min_size=1, max_size=60).map(lambda x: np.array(x, dtype=np.int64))


def values(lengths: Int64Array, parts: list[Int64Array]) -> list[list[int]]:
    return [lengths[part].tolist() for part in parts]


def padded(lengths: Int64Array, parts: list[Int64Array]) -> float:
    """Padded frames over real ones."""
    return sum(int(lengths[part].max()) * len(part) for part in parts if len(part)) / int(lengths.sum())


@settings(deadline=None)
@given(lengths=lengths_of, ranks=st.integers(1, 7), micro=st.integers(1, 4), seed=st.none() | st.integers(0, 9))
def test_every_utterance_of_a_step_stands_in_one_part(
    lengths: Int64Array, ranks: int, micro: int, seed: int | None
) -> None:
    labels = None if seed is None else np.random.default_rng(seed).integers(-1, 4, len(lengths))
    parts = cut_step(lengths, labels, ranks, micro)
    assert len(parts) == ranks * micro
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(lengths)))
    assert all((np.diff(part) > 0).all() for part in parts)
    if labels is None:
        assert sum(len(part) == 0 for part in parts) == max(0, ranks * micro - len(lengths))


def test_one_part_keeps_the_order_of_the_step() -> None:
    (only,) = cut_step(np.array([5, 9, 1]), np.array([0, 0, 1]), 1, 1)
    assert only.tolist() == [0, 1, 2]


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=7), count=st.integers(1, 4))
def test_no_cut_and_no_partition_has_a_cheaper_costliest_piece(lengths: list[int], count: int) -> None:
    row = np.array(lengths)
    found = slow_cuts.costliest(values(row, pieces(row, count)))
    assert found == slow_cuts.contiguous(lengths, count) == slow_cuts.any_partition(lengths, count)


@given(lengths=lengths_of, count=st.integers(1, 12))
def test_pieces_are_neighbours_in_length_and_no_dearer_than_every_nth(lengths: Int64Array, count: int) -> None:
    cut = values(lengths, pieces(lengths, count))
    filled = [piece for piece in cut if piece]
    assert all(min(longer) >= max(shorter) for longer, shorter in pairwise(filled))
    assert slow_cuts.costliest(cut) <= slow_cuts.costliest([lengths[start::count].tolist() for start in range(count)])


def lognormal(random: np.random.Generator, size: int) -> Int64Array:
    """Lengths of 11 s in the mean."""
    return np.clip(random.lognormal(np.log(1100) - 0.32, 0.8, size), 20, 3200).astype(np.int64)


def uniform(random: np.random.Generator, size: int) -> Int64Array:
    """Lengths of 2 to 20 s."""
    return random.integers(200, 2001, size)


@pytest.mark.parametrize(("draw", "every_nth", "in_two"), [(lognormal, 2.2, 1.3), (uniform, 1.6, 1.2)])
def test_little_of_a_mixed_step_is_padding(
    draw: Callable[[np.random.Generator, int], Int64Array], every_nth: float, in_two: float
) -> None:
    """64 utterances in 8 parts: of 8 ranks, or of 4 ranks with two micro-batches."""
    steps = [draw(np.random.default_rng(seed), 64) for seed in range(50)]
    labels = np.repeat(np.arange(16), 4)
    assert np.mean([padded(x, [np.arange(start, 64, 8) for start in range(8)]) for x in steps]) > every_nth
    assert max(padded(x, cut_step(x, labels, 8, 1)) for x in steps) < 1.2
    assert np.mean([padded(x, cut_step(x, labels, 4, 2)) for x in steps]) < in_two


@settings(deadline=None)
@given(
    sizes=st.lists(st.integers(1, 12), min_size=1, max_size=8),
    loose=st.integers(0, 9),
    count=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_a_label_has_two_in_every_micro_batch_that_has_it(sizes: list[int], loose: int, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    labels = random.permutation(np.append(np.repeat(np.arange(len(sizes)), sizes), np.full(loose, -1)))
    lengths = random.integers(20, 400, len(labels))
    dealt = deal(lengths, labels, count)
    assert sorted(np.concatenate(dealt).tolist()) == list(range(len(labels)))
    for label, size in enumerate(sizes):
        held = [int((labels[rows] == label).sum()) for rows in dealt]
        assert min((n for n in held if n), default=2) >= min(2, size)
        if size >= 2 * count:
            assert max(held) - min(held) <= 1


def test_micro_batches_are_of_like_number_and_like_lengths() -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        lengths, labels = lognormal(random, 130), np.append(np.repeat(np.arange(12), 9), np.full(22, -1))
        dealt = deal(lengths, labels, 4)
        numbers, frames = [len(rows) for rows in dealt], [int(lengths[rows].sum()) for rows in dealt]
        assert max(numbers) - min(numbers) <= 1
        assert max(frames) < 1.1 * min(frames)
