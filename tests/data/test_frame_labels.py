"""The phone in the middle of each encoded frame."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from masr.data.frame_labels import FrameLabels, phones_of
from masr.errors import DataError
from masr.io.datadir import DataDir, write_datadir

PHONES = [(0.1, 0.3, "AH1"), (0.3, 0.52, "B"), (0.6, 0.9, "sil"), (0.9, 1.2, "Q")]
NUMBERS = {"AH1": 1, "B": 2, "sil": 0, "Q": -1}


@pytest.fixture
def data(tmp_path: Path) -> DataDir:
    lines = "\n".join(f"1 {start} {end - start} {phone}" for start, end, phone in PHONES)
    tables = {"utt2spk": {"a": "a", "b": "b"}, "phones.ctm": {"a": lines}}
    write_datadir(tmp_path / "d", tables)
    return DataDir.open(tmp_path / "d")


def slow(first: int, size: int, corrupted: tuple[float, float] = (9, 9), covered: int = -1) -> list[int]:
    """One frame after another."""
    found = []
    for n in range(size):
        middle = 0.0425 + 0.01 * (first + 4 * n)
        inside = [NUMBERS[phone] for start, end, phone in PHONES if start <= middle < end]
        found.append(covered if corrupted[0] <= middle < corrupted[1] else (inside or [0])[0])
    return found


def labels(data: DataDir) -> FrameLabels:
    return FrameLabels(data, NUMBERS, 0, 0.0425, 0.01, 4, np.arange(400) // 4)


@pytest.mark.parametrize(("first", "size"), [(0, 140), (40, 80), (20, 3)])
def test_each_frame_has_the_phone_at_its_middle(data: DataDir, first: int, size: int) -> None:
    found = labels(data).read(["a", "b"], np.array([first, 0]), np.array([size, 140]))
    wanted = slow(first, size // 4)
    assert found[0].tolist() == wanted + [-1] * (35 - size // 4)
    assert found[1].tolist() == [-1] * 35  # not aligned
    assert len(set(wanted)) > 2 or size < 100


def test_what_was_corrupted_has_no_label(data: DataDir) -> None:
    tables = {"utt2spk": {"a": "a"}, "phones.ctm": {"a": data.table("phones.ctm")["a"]}}
    write_datadir(data.folder, {**tables, "corrupted.ctm": {"a": "1 0.2 0.5 noise"}})
    found = labels(DataDir.open(data.folder)).read(["a"], np.array([0]), np.array([140]))
    assert found[0].tolist() == slow(0, 35, (0.2, 0.7))
    silent = replace(labels(DataDir.open(data.folder)), covered=0).read(["a"], np.array([0]), np.array([140]))
    assert silent[0].tolist() == slow(0, 35, (0.2, 0.7), covered=0)


def test_phones_are_those_of_the_alignment(data: DataDir, tmp_path: Path) -> None:
    assert phones_of(data) == {"AH1", "B", "sil", "Q"}
    write_datadir(tmp_path / "none", {"utt2spk": {"a": "a"}})
    with pytest.raises(DataError, match=r"has no phones\.ctm"):
        phones_of(DataDir.open(tmp_path / "none"))
