from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from masr.io.identity import identity
from masr.tables.stamp import MISSING, stamp


@pytest.fixture
def data(spoken: Path, tmp_path: Path) -> Path:
    """A copy of a data directory with features, whose archives lie beside its tables."""
    folder = tmp_path / "data" / "dev"
    shutil.copytree(spoken / "data" / "dev", folder)
    for name in ("feats.scp", "cmvn.scp"):
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace(str(spoken), str(tmp_path)), encoding="utf-8")
    return folder


def test_a_copy_elsewhere_has_the_same_stamp(data: Path, spoken: Path) -> None:
    assert stamp(data) == stamp(spoken / "data" / "dev")


def test_when_and_where_it_was_made_does_not_count(data: Path) -> None:
    before = stamp(data)
    (data / "provenance.json").write_text("{}")
    (data / ".index").write_text("x")
    assert stamp(data) == before


@pytest.mark.parametrize(
    "name", ["utt2lang", "utt2num_frames", "data/config.yaml", "data/cmvn.ark", "data/feats.1.ark"]
)
def test_what_changes_the_data_changes_the_stamp(data: Path, name: str) -> None:
    before = stamp(data)
    path = data / name
    path.write_bytes(path.read_bytes() + b"9\n")
    assert stamp(data) != before


def test_another_table_changes_it(data: Path) -> None:
    before = stamp(data)
    (data / "utt2accent").write_text("x y\n")
    assert stamp(data) != before


def test_a_yaml_file_counts_with_its_bases_and_without_its_comments(tmp_path: Path) -> None:
    base, top = tmp_path / "base.yaml", tmp_path / "top.yaml"
    base.write_text("a: 1\n")
    top.write_text("base: base.yaml\nb: 2\n")
    before = stamp(top)
    top.write_text("# why\nbase: base.yaml\nb: 2\n")
    assert stamp(top) == before
    base.write_text("a: 3\n")
    assert stamp(top) != before


def test_other_paths_are_their_identity(data: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    for path in (tmp_path / "x", data / "data", tmp_path / "nothing"):
        assert stamp(path) == identity(path)
    assert stamp(tmp_path / "nothing") == MISSING
