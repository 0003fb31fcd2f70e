"""Which encoded frames lie in speech that was left as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from masr.data.clean_frames import CleanFrames
from masr.data.frame_times import fewest_inputs, middle_of_first
from masr.errors import DataError
from masr.io.alignment import stretches_of
from masr.io.datadir import DataDir, write_datadir
from masr.losses.masked_frames import masking_figures
from masr.models.conformer import Config as ConformerConfig
from masr.models.conformer import build as build_conformer
from masr.types import Batch
from reference import slow_corrupt

STRETCHES = [(0.7, 1.31), (2.0, 2.5)]


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    lines = "\n".join(f"1 {start} {end - start} noise" for start, end in reversed(STRETCHES))
    write_datadir(tmp_path / "d", {"utt2spk": {"a": "a", "b": "b"}, "corrupted.ctm": {"a": lines}})
    return DataDir.open(tmp_path / "d")


def test_frames_are_clean_where_their_middles_are_in_no_stretch(data: DataDir) -> None:
    counts = np.arange(400) // 4
    frames = CleanFrames(0.0425, 0.01, 4, counts)
    for first, size in ((0, 320), (80, 200)):
        found = frames.read(data, ["a", "b"], np.array([first, 0]), np.array([size, 60]))
        assert found is not None
        assert found.shape == (2, size // 4)
        middles = [0.0425 + 0.01 * (first + 4 * n) for n in range(size // 4)]
        assert float(found[0].mean()) == pytest.approx(slow_corrupt.clean_share(STRETCHES, middles))
        assert found[1].tolist() == [1.0] * 15 + [0.0] * (size // 4 - 15)


def test_nobody_says_it_without_a_list(tmp_path: Path) -> None:
    write_datadir(tmp_path, {"utt2spk": {"a": "a"}})
    frames = CleanFrames(0.0, 0.01, 1, np.arange(9))
    assert frames.read(DataDir.open(tmp_path), ["a"], np.array([0]), np.array([8])) is None


def test_labels_at_times(data: DataDir) -> None:
    found = stretches_of(data, "corrupted.ctm", "a")
    times = np.array([0.0, 0.7, 1.3, 1.32, 2.2, 2.6])
    assert found.places(times).tolist() == [-1, 0, 0, -1, 1, -1]
    assert found.labels == ("noise", "noise")
    assert stretches_of(data, "corrupted.ctm", "b").places(times).tolist() == [-1] * 6


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    write_datadir(tmp_path, {"utt2spk": {"a": "a"}, "corrupted.ctm": {"a": "1 0.5 noise"}})
    with pytest.raises(DataError, match="no line of a CTM"):
        stretches_of(DataDir.open(tmp_path), "corrupted.ctm", "a")


def test_the_first_frame_lies_in_the_middle_of_what_it_sees() -> None:
    encoder = build_conformer(ConformerConfig(num_bins=8, dim=8, num_layers=1, num_heads=2, feed_forward_dim=8))
    fewest = fewest_inputs(encoder)
    assert int(encoder.num_encoded(torch.tensor([fewest]))) == 1
    assert int(encoder.num_encoded(torch.tensor([fewest - 1]))) == 0
    assert middle_of_first(encoder, 0.01, 0.025) == pytest.approx((fewest - 1) // 2 * 0.01 + 0.0125)


def test_the_log_says_how_much_of_what_is_hidden_is_clean() -> None:
    clean = torch.tensor([[1.0, 1, 0, 0, 1], [1, 0, 0, 0, 0]])
    mask = torch.tensor([[True, False, True, False, True], [True, False, False, False, False]])
    batch = Batch(("a", "b"), torch.zeros(2, 5, 1), torch.tensor([5, 2]), torch.tensor([1, 2]), clean=clean)
    figures = masking_figures(batch, torch.tensor([5, 2]), mask)
    assert [float(figures["clean"][0] / figures["clean"][1])] == [pytest.approx(4 / 7)]
    assert [float(figures["masked_clean"][0] / figures["masked_clean"][1])] == [pytest.approx(3 / 4)]
