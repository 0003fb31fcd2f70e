"""What counts as a change of a stage's inputs, and what does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from masr.jobs import fingerprint
from masr.jobs.fingerprint import input_state


def test_a_small_file_is_its_content(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    before = input_state(file)
    os.utime(file, (1, 1))
    assert input_state(file) == before
    file.write_text("y")
    assert input_state(file) != before


def test_a_large_file_is_its_size_and_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fingerprint, "CONTENT_LIMIT_BYTES", 3)
    file = tmp_path / "a"
    file.write_text("xxxx")
    before = input_state(file)
    os.utime(file, (1, 1))
    assert input_state(file) != before


def test_a_folder_changes_with_any_visible_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/a.wav").write_text("x")
    states = [input_state(tmp_path)]
    os.utime(tmp_path / "deep/a.wav", (1, 1))
    states.append(input_state(tmp_path))
    (tmp_path / "deep/b.wav").write_text("x")
    states.append(input_state(tmp_path))
    (tmp_path / "deep/b.wav").rename(tmp_path / "deep/c.wav")
    states.append(input_state(tmp_path))
    (tmp_path / "deep/c.wav").unlink()
    (tmp_path / "deep/c.wav").symlink_to("nowhere")
    states.append(input_state(tmp_path))
    assert len(set(states)) == len(states)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden/x").write_text("x")
    assert input_state(tmp_path) == states[-1]


def test_a_folder_that_links_to_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/loop").symlink_to(tmp_path)
    (tmp_path / "a/x").write_text("x")
    assert [path.name for path in fingerprint.walk(tmp_path)] == ["x"]


def test_a_data_directory_is_its_tables_without_those_of_later_stages(tmp_path: Path) -> None:
    for table in ("wav.scp", "utt2spk", "utt2lang"):
        (tmp_path / table).write_text("a a\n")
    before = input_state(tmp_path)
    for later in ("feats.scp", "cmvn.scp", "utt2num_frames", "confidence.scp", "features_problems.tsv", ".index"):
        (tmp_path / later).write_text("a a\n")
    os.utime(tmp_path / "wav.scp", (1, 1))
    assert input_state(tmp_path) == before
    (tmp_path / "segments").write_text("a a 0 1\n")
    assert input_state(tmp_path) != before
