from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from masr.data.collate import padded
from masr.inference import batches as module
from masr.inference.batches import of_like_length, pools, read_whole
from masr.io.datadir import DataDir, write_datadir
from masr.types import FloatArray

LENGTHS = st.lists(st.integers(0, 60), min_size=1, max_size=40)


@given(LENGTHS, st.integers(0, 39), st.integers(1, 80))
def test_batches_hold_every_place_once_and_no_more_frames_than_allowed(
    lengths: list[int], first: int, limit: int
) -> None:
    """Against a cut by hand, one utterance after another."""
    first = min(first, len(lengths))
    expected: list[list[int]] = []
    for place in sorted(range(first, len(lengths)), key=lambda one: -lengths[one]):
        longest = lengths[expected[-1][0]] if expected else 0
        if expected and longest * (len(expected[-1]) + 1) <= limit and len(expected[-1]) < max(1, limit):
            expected[-1].append(place)
        else:
            expected.append([place])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH_FRAMES", limit)
        found = [one.tolist() for one in of_like_length(np.arange(first, len(lengths)), np.array(lengths))]
    assert found == expected


def test_finer_lengths_decide_the_order_and_frames_the_cost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_FRAMES", 6)
    frames, sizes = np.array([3, 3, 3, 2]), np.array([300, 310, 305, 299])
    assert [one.tolist() for one in of_like_length(np.arange(4), frames, sizes)] == [[1, 2], [0, 3]]
    assert [one.tolist() for one in of_like_length(np.arange(4), frames)] == [[0, 1], [2, 3]]


def test_pools_are_neighbours() -> None:
    assert [one.tolist() for one in pools(3, 8, 2)] == [[3, 4], [5, 6], [7]]
    assert list(pools(5, 5, 2)) == []


@given(LENGTHS, st.sampled_from([(), (3,)]))
def test_padding_keeps_every_value_and_adds_zeros(lengths: list[int], shape: tuple[int, ...]) -> None:
    rows: list[FloatArray] = [np.full((size, *shape), 1 + number, np.float32) for number, size in enumerate(lengths)]
    for row in rows:
        row.flags.writeable = False  # as what is mapped from a file
    together, found = padded(rows)
    assert found.tolist() == lengths
    assert together.shape == (len(rows), max(1, *lengths, 0), *shape)
    for number, (row, size) in enumerate(zip(together, lengths, strict=True)):
        assert bool((row[:size] == 1 + number).all())
        assert not row[size:].any()


class Three:
    """Frames that say where they are from."""

    samples_per_frame = 1
    num_frames = np.array([2, 1, 3])

    def read(self, place: int, first: int, count: int) -> FloatArray:
        return np.full((count, 2), 10 * place + first, np.float32)


def test_whole_utterances_are_read(tmp_path: Path) -> None:
    write_datadir(tmp_path, {"utt2spk": dict.fromkeys(("a", "b", "c"), "s")})
    batch = read_whole(DataDir.open(tmp_path), Three(), np.array([2, 0]), with_stats=False)
    assert batch.utts == ("c", "a")
    assert batch.lengths.tolist() == [3, 2]
    assert torch.equal(batch.features[:, :, 0], torch.tensor([[20.0, 20, 20], [0, 0, 0]]))
    assert batch.stats is None
