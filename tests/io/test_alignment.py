"""One reader of phones.ctm: whoever asks is given the same phones, and refused the same lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from masr.analysis.abx.boundaries import Detector
from masr.analysis.abx.items import from_alignment
from masr.analysis.abx.segments import segments_of
from masr.analysis.frame_labels import phone_labels
from masr.data.frame_labels import phones_of
from masr.errors import DataError
from masr.io.alignment import stretches_of
from masr.io.datadir import DataDir, write_datadir
from masr.io.frames import ArrayFrames, Grid

LINES = ["1 0.0 0.1 A", "1 0.1 0.2 B", "1 0.3 0.1 C", "1 0.4 0.1 D"]


def aligned(folder: Path, lines: list[str]) -> DataDir:
    write_datadir(folder, {"utt2spk": {"u": "s"}, "phones.ctm": {"u": "\n".join(lines)}})
    return DataDir.open(folder)


def frames() -> ArrayFrames:
    found = ArrayFrames("f", np.random.default_rng(0).normal(size=(25, 3)), np.array([0, 25]), ["u"])
    found.grid = Grid(0.02, 0.01)
    return found


def labels(data: DataDir) -> list[str]:
    found = phone_labels(data, frames())
    return [found.names[int(n)] for n in found.read(0)[:, 0]]


READERS: dict[str, Callable[[DataDir], Any]] = {
    "stretches": lambda data: list(stretches_of(data, "phones.ctm", "u").rows()),
    "set of phones": phones_of,
    "items": lambda data: list(from_alignment(data)),
    "labels": labels,
    "segments": lambda data: segments_of(frames(), data, Detector(), 2).agreement,
}


@pytest.mark.parametrize("reader", READERS)
def test_the_order_of_lines_is_no_matter(tmp_path: Path, reader: str) -> None:
    turned = [LINES[k] for k in (2, 0, 3, 1)]
    read = READERS[reader]
    assert read(aligned(tmp_path / "a", LINES)) == read(aligned(tmp_path / "b", turned))


@pytest.mark.parametrize("line", ["1 0.5 C", "1 x 0.1 C", "1 nan 0.1 C", "1 0.5 inf C"])
@pytest.mark.parametrize("reader", READERS)
def test_a_line_that_is_none_is_named(tmp_path: Path, reader: str, line: str) -> None:
    with pytest.raises(DataError, match="no line of a CTM"):
        READERS[reader](aligned(tmp_path, [*LINES, line]))
