"""Whole recordings dealt out to parts, each series to all of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from masr.cli.main import main
from masr.errors import DataError
from masr.io.datadir import DataDir, write_datadir
from masr.io.datadir.recordings import dealt_out


def written(folder: Path, series_of: dict[str, str], utts_each: int = 3) -> DataDir:
    """`utts_each` segments of each recording, which is its own speaker; recording -> series."""
    tables: dict[str, dict[str, str]] = defaultdict(dict)
    for recording, series in series_of.items():
        for n in range(utts_each):
            utt = f"{recording}-{n}"
            tables["utt2spk"][utt] = recording
            tables["segments"][utt] = f"{recording} {n}.0 {n + 1}.0"
            tables["utt2series"][utt] = series
        tables["wav.scp"][recording] = f"{recording}.wav"
    write_datadir(folder, dict(tables))
    return DataDir.open(folder)


@given(sizes=st.lists(st.integers(1, 7), min_size=1, max_size=4), num=st.integers(1, 4))
def test_no_recording_is_torn_and_series_are_shared_evenly(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int], num: int
) -> None:
    series_of = {f"r{s}{n}": f"series{s}" for s, size in enumerate(sizes) for n in range(size)}
    data = written(tmp_path_factory.mktemp("dealt"), series_of)
    if sum(sizes) < num:
        with pytest.raises(DataError, match="cannot be split"):
            dealt_out(data, num, "recording", "series")
        return
    parts = dealt_out(data, num, "recording", "series")
    assert sorted(utt for part in parts for utt in part) == sorted(data.utts)
    held = [{utt.split("-")[0] for utt in part} for part in parts]
    assert sum(map(len, held)) == len(series_of) and all(len(part) == 3 * len(own) for part, own in zip(parts, held))
    for series in set(series_of.values()):
        counts = [Counter(series_of[r] for r in own)[series] for own in held]
        assert max(counts) - min(counts) <= 1


def test_the_parts_are_data_directories(tmp_path: Path) -> None:
    series = {"a1": "a", "a2": "a", "a3": "a", "b1": "b", "b2": "b"}
    written(tmp_path / "all", series)
    command = ["data", "split", str(tmp_path / "all"), "2", "--whole", "recording", "--within", "series"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    held = [set(DataDir.open(tmp_path / "out" / part).table("wav.scp")) for part in "12"]
    assert held == [{"a1", "a3", "b2"}, {"a2", "b1"}]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["2", "--within", "series"], "add --whole"),
        (["2", "--whole", "room"], "nothing is known of the room"),
        (["9", "--whole", "recording"], "cannot be split into 9: it has 2 of recording"),
        (["2", "--whole", "series", "--within", "recorder"], "has several labels of recorder"),
    ],
)
def test_what_cannot_be_dealt_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    data = written(tmp_path / "all", {"a": "x", "b": "y"})
    (tmp_path / "all" / "utt2recorder").write_text("".join(f"{utt} {utt[-1]}\n" for utt in data.utts))
    assert main(["data", "split", str(tmp_path / "all"), *options]) == 2
    assert message in capsys.readouterr().err
