from __future__ import annotations

import os
import pickle
import string
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.errors import DataError, MasrError
from masr.io.datadir import DataDir, clean_text, read_table, write_datadir, write_table
from masr.io.datadir.view import open_table

IDS = st.text(st.characters(blacklist_categories=["C", "Z"]), min_size=1, max_size=12)
VALUES = st.text(st.characters(blacklist_categories=["Cc", "Cs"]), max_size=20).map(lambda v: v.strip(" \t"))
LABELS = st.text(string.ascii_letters + "नमस्तेя ", min_size=1, max_size=8).map(lambda v: v.strip() or "x")


@given(st.dictionaries(IDS, VALUES, max_size=20))
def test_a_written_table_reads_back_equal_and_in_c_order(tmp_path_factory: pytest.TempPathFactory, rows):
    path = tmp_path_factory.mktemp("table") / "utt2note"
    write_table(path, rows)
    assert read_table(path) == rows
    keys = [line.split(b" ")[0] for line in path.read_bytes().split(b"\n")[:-1]]
    assert keys == sorted(keys)
    assert len(keys) == len(rows)
    view = open_table(path)
    assert list(view) == sorted(rows)
    assert [view.at(row) for row in range(len(view))] == [rows[key] for key in sorted(rows)]
    assert all(view[key] == value and view.key_at(view.position(key)) == key for key, value in rows.items())


@settings(max_examples=100)
@given(st.binary(max_size=80), st.sampled_from(["text", "segments", "utt2dur", "wav.scp", "phones.ctm", "utt2spk"]))
def test_no_bytes_crash_a_reader(tmp_path_factory: pytest.TempPathFactory, data, name):
    folder = tmp_path_factory.mktemp("dir")
    (folder / "utt2spk").write_bytes(b"a a\nb b\n")
    (folder / name).write_bytes(data)
    try:
        table = DataDir.open(folder).table(name)
        rows = dict(table.items())
    except MasrError:
        return
    assert len(rows) == len(table)
    assert all(table[key] == value for key, value in rows.items())


@pytest.mark.parametrize(
    ("data", "place"),
    [
        (b"\xef\xbb\xbfa 1\n", ":1: the file begins with a byte order mark"),
        (b"a 1\nb 2\r\n", ":2: Windows line ending"),
        (b"a 1\nb\0 2\n", ":2: a control character"),
        (b"a 1\n\nb 2\n", ":2: the line is empty"),
        (b"a 1\nb 2\n c 3\n", ":3: the line is empty or begins with a blank"),
        (b"b 1\na 2\nc 3\na 4\n", ":4: a is there twice"),
        (b"a 1\nb \xff2\n", ":2: not valid UTF-8"),
    ],
)
def test_what_is_no_table_is_refused_with_its_line(tmp_path: Path, data, place):
    (tmp_path / "utt2x").write_bytes(data)
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "utt2x")
    assert f"utt2x{place}" in caught.value.what


def test_tabs_blanks_and_a_missing_last_newline_are_read_as_kaldi_reads_them(tmp_path: Path):
    (tmp_path / "utt2x").write_bytes(b"a\t1  \nb   2 3\t\nc\nd 4")
    assert read_table(tmp_path / "utt2x") == {"a": "1", "b": "2 3", "c": "", "d": "4"}
    (tmp_path / "utt2spk").write_bytes(b"aa x\nab x\naa1")
    assert list(DataDir.open(tmp_path).utts) == ["aa", "aa1", "ab"]


def test_an_unsorted_table_is_seen_in_c_order(tmp_path: Path):
    (tmp_path / "utt2spk").write_bytes(b"b x\na y\nB z\n")
    data = DataDir.open(tmp_path)
    again = DataDir.open(tmp_path)
    for opened in (data, again):
        assert list(opened.utts) == ["B", "a", "b"]
        assert opened.table("utt2spk")["a"] == "y"
        assert opened.table("utt2spk").at(2) == "x"


@pytest.mark.parametrize("key", ["", "a b", "a\tb", "a\u00a0b", "a\nb", "a\u2028", "\ufeffa", "a\x7f", "a\ud800"])
def test_an_id_that_cannot_be_read_back_is_refused(tmp_path: Path, key):
    with pytest.raises(DataError, match="cannot be an id"):
        write_table(tmp_path / "utt2x", {key: "1"})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", "a\x85b", "a\udcffb"])
def test_a_value_that_would_break_the_table_is_refused(tmp_path: Path, value):
    with pytest.raises(DataError, match="cannot be written"):
        write_table(tmp_path / "utt2x", {"a": value})
    assert list(tmp_path.iterdir()) == []


def test_an_alignment_keeps_its_lines_together(tmp_path: Path):
    rows = {"b": "1 0.0 0.2 AH\n1 0.2 0.1 B", "a": "1 0 1 SIL", "c": ""}
    write_datadir(tmp_path, {"utt2spk": {"a": "a", "b": "b", "c": "c"}, "phones.ctm": rows})
    assert (tmp_path / "phones.ctm").read_text() == "a 1 0 1 SIL\nb 1 0.0 0.2 AH\nb 1 0.2 0.1 B\n"
    table = DataDir.open(tmp_path).table("phones.ctm")
    assert dict(table.items()) == {"a": rows["a"], "b": rows["b"]}
    assert table["b"] == rows["b"] == read_table(tmp_path / "phones.ctm")["b"]


def test_an_alignment_whose_lines_are_apart_is_refused(tmp_path: Path):
    (tmp_path / "phones.ctm").write_bytes(b"a 1 0 1 A\nb 1 0 1 B\na 1 1 1 C\n")
    with pytest.raises(DataError, match=r"phones\.ctm:3: a is there twice"):
        read_table(tmp_path / "phones.ctm")


def test_a_directory_replaces_the_one_before(tmp_path: Path):
    write_datadir(tmp_path, {"utt2spk": {"a": "a"}, "utt2lang": {"a": "hin"}, "text": {"a": "x"}})
    DataDir.open(tmp_path)
    (tmp_path / "problems.tsv").write_text("kept\tyes\n")
    write_datadir(tmp_path, {"utt2spk": {"s-2": "s", "s-1": "s"}, "text": {"s-1": "a\u00a0b\tc\x07", "s-2": ""}})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["problems.tsv", "spk2utt", "text", "utt2spk"]
    assert (tmp_path / "spk2utt").read_text() == "s s-1 s-2\n"
    assert (tmp_path / "text").read_text() == "s-1 a b c\ns-2\n"


def test_a_write_that_fails_leaves_nothing_that_looks_finished(tmp_path: Path):
    write_datadir(tmp_path, {"utt2spk": {"a": "a"}, "text": {"a": "x"}})
    with pytest.raises(DataError):
        write_datadir(tmp_path, {"utt2spk": {"b": "b"}, "utt2lang": {"b": "x\ny"}})
    with pytest.raises(DataError, match="has no utt2spk"):
        DataDir.open(tmp_path)


def test_what_is_no_table_of_a_directory_is_named_with_the_near_ones(tmp_path: Path):
    with pytest.raises(DataError, match=r"wav\.spc is not") as caught:
        write_datadir(tmp_path, {"utt2spk": {"a": "a"}, "wav.spc": {"a": "x"}})
    assert "wav.scp" in caught.value.fix
    with pytest.raises(DataError, match="without utt2spk"):
        write_datadir(tmp_path, {"text": {"a": "a"}})
    with pytest.raises(DataError, match="no such directory"):
        DataDir.open(tmp_path / "train")


def test_labels_name_the_kinds_there_are(tmp_path: Path):
    write_datadir(tmp_path, {"utt2spk": {"a": "a"}, "utt2lang": {"a": "no"}, "utt2dur": {"a": "1"}})
    data = DataDir.open(tmp_path)
    assert data.labels("lang")["a"] == "no"
    assert data.kinds() == ["lang"]
    with pytest.raises(DataError) as caught:
        data.labels("lnag")
    assert "lang" in caught.value.fix
    assert "dur" not in caught.value.fix
    with pytest.raises(KeyError):
        data.labels("lang")["b"]
    assert "b" not in data.labels("lang")
    assert "\ud800" not in data.labels("lang")


def test_a_complete_table_is_read_by_place(tmp_path: Path):
    rows = {
        "utt2spk": {"a": "s", "b": "s"},
        "text": {"a": "1", "b": "2"},
        "utt2lang": {"a": "x"},
        "utt2x": {"a": "x", "c": "x"},
    }
    write_datadir(tmp_path, rows)
    (tmp_path / "utt2note").write_text("b B\na A\n")
    data = DataDir.open(tmp_path)
    assert [name for name in data.tables() if data.complete(name)] == ["text", "utt2note", "utt2spk"]
    assert [data.table("utt2note").at(n) for n in range(2)] == ["A", "B"]


def test_utterances_are_a_sequence(tmp_path: Path):
    write_datadir(tmp_path, {"utt2spk": {f"u{n}": "u" for n in range(5)}})
    utts = DataDir.open(tmp_path).utts
    assert utts[1:4:2] == ["u1", "u3"]
    assert utts[-1] == "u4"
    assert utts.index("u2") == 2
    assert utts == [f"u{n}" for n in range(5)]
    assert "u9" not in utts
    with pytest.raises(IndexError):
        utts[5]
    with pytest.raises(ValueError):
        utts.index("u9")


def test_numbers_come_in_order_and_name_the_line_that_is_none(tmp_path: Path):
    write_table(tmp_path / "utt2dur", {"b": "2.5", "a": "1e-1"})
    assert open_table(tmp_path / "utt2dur").numbers().tolist() == [0.1, 2.5]
    write_table(tmp_path / "utt2dur", {"a": "1", "b": "long"})
    with pytest.raises(DataError, match="utt2dur:2: 'long' is not a number"):
        open_table(tmp_path / "utt2dur").numbers()


class TestIndex:
    def make(self, folder: Path) -> bytes:
        write_datadir(folder, {"utt2spk": {"a": "s", "b": "s"}, "text": {"a": "one", "b": "two"}})
        (folder / "utt2lang").write_bytes(b"b hin\na urd\n")
        DataDir.open(folder)
        return (folder / ".index").read_bytes()

    def check(self, folder: Path) -> None:
        data = DataDir.open(folder)
        assert dict(data.table("text")) == {"a": "one", "b": "two"}
        assert dict(data.labels("lang")) == {"a": "urd", "b": "hin"}

    def test_it_is_used(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
        self.make(tmp_path)

        def parsed(*args: object) -> None:
            raise AssertionError("a table was parsed")

        monkeypatch.setattr("masr.io.datadir.index.table_rows", parsed)
        self.check(tmp_path)

    def test_a_changed_table_is_parsed_again(self, tmp_path: Path):
        self.make(tmp_path)
        (tmp_path / "text").write_bytes(b"a on\nb longer\n")
        os.utime(tmp_path / "text", ns=(1, 1))
        assert dict(DataDir.open(tmp_path).table("text")) == {"a": "on", "b": "longer"}
        (tmp_path / "text").write_bytes(b"a longer\nb on\n")
        os.utime(tmp_path / "text", ns=(2, 2))
        assert dict(DataDir.open(tmp_path).table("text")) == {"a": "longer", "b": "on"}
        (tmp_path / "text").write_bytes(b"a on\nb longer\n")
        os.utime(tmp_path / "text", ns=(3, 3))
        assert dict(DataDir.open(tmp_path).table("text")) == {"a": "on", "b": "longer"}

    @settings(max_examples=100, deadline=None)
    @given(st.data())
    def test_any_damage_is_seen_and_repaired(self, tmp_path_factory: pytest.TempPathFactory, data):
        folder = tmp_path_factory.mktemp("dir")
        whole = self.make(folder)
        place = data.draw(st.integers(0, len(whole) - 1))
        kind = data.draw(st.sampled_from(["flip", "cut", "swap", "add"]))
        bad = {
            "flip": whole[:place] + bytes([whole[place] ^ data.draw(st.integers(1, 255))]) + whole[place + 1 :],
            "cut": whole[:place],
            "swap": data.draw(st.binary(max_size=64)),
            "add": whole + b"x",
        }[kind]
        (folder / ".index").write_bytes(bad)
        self.check(folder)
        assert (folder / ".index").read_bytes() == whole

    def test_a_directory_that_cannot_be_written_opens_all_the_same(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        self.make(tmp_path)
        (tmp_path / ".index").unlink()

        def refuse(*args: object, **kwargs: object) -> None:
            raise PermissionError("read-only file system")

        monkeypatch.setattr("masr.io.datadir.index.atomic_path", refuse)
        self.check(tmp_path)
        assert not (tmp_path / ".index").exists()

    def test_our_own_writes_drop_it(self, tmp_path: Path):
        self.make(tmp_path)
        write_table(tmp_path / "text", {"a": "eno", "b": "owt"})
        assert not (tmp_path / ".index").exists()

    def test_it_holds_no_pickle(self, tmp_path: Path):
        whole = self.make(tmp_path)
        with pytest.raises(Exception, match=r".*"):
            np.load(tmp_path / ".index", allow_pickle=False)
        assert whole.startswith(b"MASRIDX1")


def test_an_open_directory_crosses_to_another_process(tmp_path: Path):
    write_datadir(tmp_path, {"utt2spk": {"a": "s"}, "text": {"a": "one"}})
    data = pickle.loads(pickle.dumps(DataDir.open(tmp_path)))  # noqa: S301
    assert data.table("text")["a"] == "one"
    table = pickle.loads(pickle.dumps(data.table("text")))  # noqa: S301
    assert table.at(0) == "one"


def test_an_id_of_any_length_is_one(tmp_path: Path):
    rows = {"x" * size: "v" for size in (1, 70_000, 200_000)} | {f"u{n}": "v" for n in range(3000)}
    write_table(tmp_path / "utt2x", rows)
    assert read_table(tmp_path / "utt2x") == rows


@given(st.text(max_size=30))
def test_cleaned_text_is_what_kaldi_takes(text):
    cleaned = clean_text(text)
    assert cleaned == clean_text(cleaned) == " ".join(cleaned.split())
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c == "\ufeff" for c in cleaned)
