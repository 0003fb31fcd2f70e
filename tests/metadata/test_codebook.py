from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from masr.errors import DataError, MetadataError
from masr.io.datadir import DataDir
from masr.metadata.codebook import Codebook, check_tables, each_use, file_names, gather, is_missing, uses_of


def book() -> Codebook:
    codes = np.arange(6, dtype=np.float32).reshape(3, 2)
    labels = ("hin", "नेपाली", "a b")
    rows = tuple((label, "1\t2") for label in labels)
    return Codebook(labels, codes, {"kind": "lang"}, {"floor": 0.25}, ("label", "note"), rows)


def datadir(folder: Path, **tables: str) -> DataDir:
    folder.mkdir(parents=True)
    utts = ["s1-a", "s1-b", "s2-c"]
    tables.setdefault("utt2spk", "".join(f"{utt} {utt[:2]}\n" for utt in utts))
    tables.setdefault("wav_scp", "".join(f"{utt} /x/{utt}.wav\n" for utt in utts))
    for name, text in tables.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return DataDir.open(folder)


def test_what_is_saved_is_loaded_without_pickle_and_saves_to_the_same_bytes(tmp_path: Path) -> None:
    book().save(tmp_path, "language")
    loaded = Codebook.load(tmp_path / "language.npz")
    assert loaded.labels == book().labels
    assert (loaded.codes == book().codes).all()
    assert (loaded.settings, loaded.facts) == (book().settings, book().facts)
    with np.load(tmp_path / "language.npz", allow_pickle=False) as stored:
        assert all(stored[name].dtype != object for name in stored.files)
    first = (tmp_path / "language.npz").read_bytes()
    book().save(tmp_path, "language")
    assert (tmp_path / "language.npz").read_bytes() == first
    assert (tmp_path / "language.tsv").read_text(encoding="utf-8").splitlines()[:2] == ["label\tnote", "hin\t1 2"]


def test_an_empty_codebook_is_kept(tmp_path: Path) -> None:
    Codebook((), np.zeros((0, 7), np.float32)).save(tmp_path, "transcript")
    assert Codebook.load(tmp_path / "transcript.npz").codes.shape == (0, 7)


@pytest.mark.parametrize("length", [0, 10, 300])
def test_a_file_cut_short_is_refused(tmp_path: Path, length: int) -> None:
    book().save(tmp_path, "language")
    path = tmp_path / "language.npz"
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(MetadataError, match="is not a file of codes"):
        Codebook.load(path)


def test_pickled_and_misshapen_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", labels=np.array([{}], dtype=object), codes=np.zeros((1, 2), np.float32), about="{}")
    np.savez(tmp_path / "b.npz", labels=np.array(["x"]), codes=np.zeros((2, 2), np.float32), about="{}")
    np.savez(tmp_path / "c.npz", labels=np.array(["x"]))
    np.save(tmp_path / "d.npz.npy", np.zeros(3))
    (tmp_path / "d.npz.npy").rename(tmp_path / "d.npz")
    for name in "abcd":
        with pytest.raises(MetadataError, match="is not a file of codes"):
            Codebook.load(tmp_path / f"{name}.npz")


def test_a_missing_file_says_which_stage_makes_it(tmp_path: Path) -> None:
    book().save(tmp_path, "language")
    with pytest.raises(MetadataError, match="no such file") as caught:
        Codebook.load(tmp_path / "languages.npz")
    assert "did you mean language?" in caught.value.fix
    assert "stage 3" in caught.value.fix


def test_labels_are_counted_over_folders_with_the_place_of_the_first(tmp_path: Path) -> None:
    train = datadir(tmp_path / "train", utt2lang="s1-a hin\ns1-b tam\ns2-c hin\n")
    dev = datadir(tmp_path / "dev", utt2lang="s1-a urd\n")
    found = {use.label: use for use in uses_of([train, dev], ("utt2lang",))}
    assert {label: use.count for label, use in found.items()} == {"hin": 2, "tam": 1, "urd": 1}
    assert found["urd"].where == f"{tmp_path / 'dev' / 'utt2lang'}: s1-a"
    assert list(found) == sorted(found)


def test_the_first_table_that_knows_an_utterance_wins(tmp_path: Path) -> None:
    data = datadir(tmp_path / "train", utt2loc="s1-a 1 2\n", utt2lang="s1-a hin\ns1-b tam\n")
    assert [use.label for use in each_use([data], ("utt2loc", "utt2lang"))] == ["1 2", "tam"]


def test_a_table_that_no_folder_has_is_refused_with_those_there_are(tmp_path: Path) -> None:
    data = datadir(tmp_path / "train", utt2accent="s1-a north\n")
    check_tables([data], ("utt2loc", "utt2accent"), "location")
    with pytest.raises(DataError, match="needs utt2acc") as caught:
        check_tables([data], ("utt2acc",), "acc")
    assert "utt2accent" in caught.value.fix


def test_two_streams_of_one_name_get_two_files() -> None:
    assert file_names(["language", "accent", "language", "language"]) == [
        "language",
        "accent",
        "language.2",
        "language.3",
    ]


def test_gather_keeps_the_order_and_leaves_nan_for_what_is_missing() -> None:
    found = gather(["a b", None, "hin", " ", ""], book().lookup(), book().codes, "language")
    assert found[[0, 2]].tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert np.isnan(found[[1, 3, 4]]).all()
    assert gather([], book().lookup(), book().codes, "language").shape == (0, 2)


@pytest.mark.parametrize(
    ("label", "missing"), [(None, True), ("", True), (" ", True), ("unknown", True), ("hin", False)]
)
def test_what_counts_as_missing(label: str | None, missing: bool) -> None:
    assert is_missing(label) is missing


def test_codes_dealt_out_are_the_same_codes_under_other_labels() -> None:
    codes = np.arange(12, dtype=np.float32).reshape(6, 2)
    codes[4] = np.nan
    book = Codebook(tuple("abcdef"), codes, {"kind": "lang"}, {"floor": 0.5})
    dealt = book.dealt_out(3)
    assert (dealt.labels, dealt.settings, dealt.facts) == (book.labels, book.settings, book.facts)
    known = [0, 1, 2, 3, 5]
    assert np.isnan(dealt.codes[4]).all()
    assert sorted(map(tuple, dealt.codes[known])) == sorted(map(tuple, codes[known]))
    assert not any((dealt.codes[row] == codes[row]).all() for row in known)
    assert np.array_equal(dealt.codes, book.dealt_out(3).codes, equal_nan=True)
    assert not np.array_equal(dealt.codes, book.dealt_out(4).codes, equal_nan=True)
