from __future__ import annotations

from pathlib import Path

import pytest

from masr.errors import DataError
from masr.io.datadir import DataDir
from masr.io.datadir.choose import durations
from masr.io.datadir.screen import render_summary
from masr.io.datadir.summary import summarise


def opened(folder: Path, **tables: str) -> DataDir:
    (folder / "utt2spk").write_text("a a\nb b\n", encoding="utf-8")
    for name, text in tables.items():
        (folder / name).write_text(text, encoding="utf-8")
    return DataDir.open(folder)


@pytest.mark.parametrize("times", ["0 inf", "nan 1", "0 1e999", "-inf inf"])
def test_a_segment_whose_times_are_not_finite_has_no_length(times: str, tmp_path: Path) -> None:
    data = opened(tmp_path, segments=f"a r {times}\nb r 0 1\n")
    with pytest.raises(DataError, match="not a recording, a start and an end"):
        durations(data)


def test_lengths_that_add_up_to_no_number_are_refused_and_the_summary_does_without(tmp_path: Path) -> None:
    data = opened(tmp_path, utt2dur="a 1e308\nb 1e308\n")
    with pytest.raises(DataError, match="longer together"):
        durations(data)
    found = summarise(data)
    assert found.total_sec is None and "inf" not in render_summary([found], False)
