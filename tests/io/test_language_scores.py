from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from masr.errors import ScoresError
from masr.io import language_scores as module
from masr.io.language_scores import read_language_scores, write_language_scores

UTTS = [f"s1-u{i:02d}" for i in range(25)]
NAMES = ("eng", "hin", "nob")
VALUES = -np.random.default_rng(0).random((25, 3)).astype(np.float32) * 9


@pytest.mark.parametrize("name", ["scores.tsv", "scores.npy", "scöres é.npy"])
def test_what_is_written_is_read(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BLOCK_CHARS", 100)
    write_language_scores(tmp_path / "new" / name, UTTS, NAMES, VALUES)
    found = read_language_scores(tmp_path / "new" / name)
    assert list(found.utts) == UTTS
    assert found.languages == NAMES
    assert found.values.dtype == np.float32
    np.testing.assert_allclose(found.values, VALUES, rtol=1e-5)


def test_an_array_is_mapped_and_not_read(tmp_path: Path) -> None:
    write_language_scores(tmp_path / "scores.npy", UTTS, NAMES, VALUES)
    assert isinstance(read_language_scores(tmp_path / "scores.npy").values, np.memmap)


def test_text_by_other_hands(tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_bytes(b"utt\teng\thin\r\na\t-1e-3\t-inf\r\nb\t0\t-2.5\r\n")
    found = read_language_scores(path)
    assert found.values.tolist() == [[pytest.approx(-0.001), -np.inf], [0, -2.5]]
    assert found.languages == ("eng", "hin")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "line 1"),
        ("a\t-1\t-2\n", "begins with 'a'"),
        ("utt eng hin\na -1 -2\n", "separated by tabs"),
        ("utt\teng\n", "1 languages"),
        ("utt\teng\thin\n", "no utterance"),
        ("utt\teng\teng\na\t0\t0\n", "the language 'eng' more than once"),
        ("utt\teng\thin\na\t0\t0\na\t0\t0\n", "the utterance 'a' more than once"),
        ("utt\teng\thin\na\t0\t0\nb\t0\n", "line 3: has 1 scores for 2"),
        ("utt\teng\thin\na\t0\t0\nb\t0\t0\t0\n", "line 3: has 3 scores for 2"),
        ("utt\teng\thin\na\t0\t0\n\nb\t0\t0\n", "line 3: has no utterance"),
        ("utt\teng\thin\na\t0\t0\nb\t0\tx1\n", "line 3: 'x1' is no number"),
        ("utt\teng\thin\na\t0\t\n", "line 2: '' is no number"),
        ("utt\teng\t\na\t0\t0\n", "language without a name"),
    ],
)
def test_broken_text_names_its_line(text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "x.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScoresError) as caught:
        read_language_scores(path)
    assert words in caught.value.what + caught.value.why


def test_broken_arrays_say_why(tmp_path: Path) -> None:
    path = tmp_path / "scores.npy"
    with pytest.raises(ScoresError, match="no such file"):
        read_language_scores(path)
    with pytest.raises(ScoresError, match="no such file"):
        read_language_scores(path.with_suffix(".tsv"))
    np.save(path, VALUES)
    with pytest.raises(ScoresError, match=r"scores\.utts: no such file"):
        read_language_scores(path)
    write_language_scores(path, UTTS, NAMES, VALUES)
    path.with_suffix(".languages").write_text("eng\nhin\n")
    with pytest.raises(ScoresError, match="25 utterances and 2"):
        read_language_scores(path)
    np.save(path, np.zeros((25, 3), dtype=np.int64))
    with pytest.raises(ScoresError, match="int64"):
        read_language_scores(path)
    path.write_bytes(b"utt\teng")
    with pytest.raises(ScoresError, match="is no array"):
        read_language_scores(path)
    np.save(path, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(ScoresError, match="is no array"):
        read_language_scores(path)
    (tmp_path / "x.tsv").write_bytes(b"utt\teng\thin\n\xff\t0\t0\n")
    with pytest.raises(ScoresError, match="UTF-8"):
        read_language_scores(tmp_path / "x.tsv")


def test_an_array_that_was_cut_short_while_written_is_not_there(tmp_path: Path) -> None:
    """The names come first: who finds the array finds all three."""
    path = tmp_path / "scores.npy"
    write_language_scores(path, UTTS, NAMES, VALUES)
    with pytest.raises((TypeError, ValueError)):
        write_language_scores(path, UTTS[:2], NAMES, np.array([["x", 1, 2], [object(), 1, 2]], dtype=object))
    assert not path.exists()


@pytest.mark.parametrize("name", ["s.utts", "s.languages", "s.tsv"])
def test_a_folder_or_a_loop_where_a_file_is_expected_is_refused(name: str, tmp_path: Path) -> None:
    write_language_scores(tmp_path / "s.npy", ["a"], ["x", "y"], np.zeros((1, 2), np.float32))
    place = tmp_path / name
    place.unlink(missing_ok=True)
    for make in (place.mkdir, lambda: place.symlink_to(place)):
        make()
        with pytest.raises(ScoresError):
            read_language_scores(place if name == "s.tsv" else tmp_path / "s.npy")
        place.rmdir() if place.is_dir() else place.unlink()
