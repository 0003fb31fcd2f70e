from __future__ import annotations

from pathlib import Path

import pytest

from masr.analysis.abx.recordings import recordings
from masr.errors import DataError, UsageError
from masr.io.datadir import DataDir, write_datadir
from masr.io.datadir.recordings import recording_of


def data(folder: Path, **more: dict[str, str]) -> DataDir:
    tables = {
        "wav.scp": {"r1": "r1.wav", "r2": "r2.wav"},
        "segments": {"a-r1-1": "r1 0.5 1.5", "a-r1-2": "r1 2 3", "b-r2-1": "r2 1 2"},
        "utt2spk": {"a-r1-1": "a", "a-r1-2": "a", "b-r2-1": "b"},
        "utt2genre": {"a-r1-1": "tale", "a-r1-2": "tale", "b-r2-1": "song"},
        "utt2sentence": {"a-r1-1": "1", "a-r1-2": "2"},
        "reco2dur": {"r1": "45.3", "r2": "20.2"},
        **more,
    }
    write_datadir(folder, tables)
    return DataDir.open(folder)


def test_windows_cover_recordings_and_keep_what_is_shared(tmp_path: Path) -> None:
    write_datadir(tmp_path / "out", recordings(data(tmp_path / "in"), 20))
    found = DataDir.open(tmp_path / "out")
    assert dict(found.table("segments")) == {
        "a-r1-00000": "r1 0.0000 20.0000",
        "a-r1-00001": "r1 20.0000 40.0000",
        "a-r1-00002": "r1 40.0000 45.3000",
        "b-r2-00000": "r2 0.0000 20.0000",
    }
    assert dict(found.table("utt2dur"))["a-r1-00002"] == "5.3000"
    assert set(found.labels("genre").values()) == {"tale", "song"}
    assert dict(found.labels("recording"))["a-r1-00002"] == "r1"
    assert not found.has("utt2sentence") and not found.has("text")
    assert dict(found.table("wav.scp")) == {"r1": "r1.wav", "r2": "r2.wav"}


def test_whole_recordings(tmp_path: Path) -> None:
    tables = recordings(data(tmp_path))
    assert tables["segments"] == {"a-r1-00000": "r1 0.0000 45.3000", "b-r2-00000": "r2 0.0000 20.2000"}


def test_a_recording_is_what_the_directory_says_it_is(tmp_path: Path) -> None:
    assert dict(recording_of(data(tmp_path / "a")))["a-r1-2"] == "r1"
    labelled = data(tmp_path / "b", utt2recording={"a-r1-1": "x", "a-r1-2": "y", "b-r2-1": "x"})
    assert dict(recording_of(labelled))["b-r2-1"] == "x"
    write_datadir(tmp_path / "c", {"utt2spk": {"u": "s"}})
    assert dict(recording_of(DataDir.open(tmp_path / "c"))) == {"u": "u"}


def test_what_has_no_length_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="how long"):
        recordings(data(tmp_path, reco2dur={"r1": "45.3"}))
    with pytest.raises(UsageError, match="too short"):
        recordings(data(tmp_path), 0.2)
