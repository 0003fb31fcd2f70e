from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.errors import DataError, MasrError
from masr.io.datadir import DataDir, read_table, write_datadir
from masr.io.datadir.fix import fix
from masr.io.datadir.report import Checks
from masr.io.datadir.validate import validate

CHECKS = Checks(text=False, empty_text=False, wav=False, files=False, pipes=True)


def tables(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def test_bytes_order_and_ids_are_repaired_and_what_changed_is_backed_up(tmp_path: Path):
    rows = {
        "utt2spk": b"b-1 b\r\na-1 a\na-2\ta  \na-2 a\na-3 a\nc-1 c",
        "text": "\ufeffa-1 one\u00a0two\na-2 \x07three\n\nc-1 x\nb-1 four\na-3\n".encode(),
        "utt2lang": b"a-1 hin\na-2 hin\nb-1 no\nzz hin\nc-1 \xff\n",
        "utt2dur": b"a-1 1\na-2 2\na-3 1\nb-1 0\nc-1 1\n",
    }
    for name, data in rows.items():
        (tmp_path / name).write_bytes(data)
    done = fix(tmp_path, CHECKS)
    assert (done.num_before, done.num_after, done.dropped_utts) == (5, 2, ["a-3", "b-1", "c-1"])
    assert read_table(tmp_path / "utt2spk") == {"a-1": "a", "a-2": "a"}
    assert (tmp_path / "text").read_text() == "a-1 one two\na-2 three\n"
    assert (tmp_path / "spk2utt").read_text() == "a a-1 a-2\n"
    assert done.dropped["text: empty-text"] == done.dropped["utt2dur: number"] == 1
    assert done.dropped["utt2lang: not valid UTF-8"] == done.dropped["utt2spk: an id that was there already"] == 1
    assert done.backup == tmp_path / ".backup"
    assert {name: (tmp_path / ".backup" / name).read_bytes() for name in rows} == rows
    assert validate(tmp_path, CHECKS).total == 0


def test_an_older_backup_is_never_written_over(tmp_path: Path):
    for number, name in enumerate([".backup", ".backup.1"]):
        (tmp_path / "utt2spk").write_text(f"b-{number} b\na-1 a\n")
        assert fix(tmp_path, CHECKS).backup == tmp_path / name
    assert (tmp_path / ".backup" / "utt2spk").read_text() == "b-0 b\na-1 a\n"


def test_a_sound_directory_is_left_alone(tmp_path: Path):
    write_datadir(tmp_path, {"utt2spk": {"a-1": "a"}, "text": {"a-1": "x"}, "phones.ctm": {"a-1": "1 0 1 A"}})
    before = tables(tmp_path)
    done = fix(tmp_path, CHECKS)
    assert (done.changed, done.backup, done.dropped_utts) == ([], None, [])
    assert tables(tmp_path) == before


def test_recordings_and_speakers_follow_the_utterances(tmp_path: Path):
    write_datadir(
        tmp_path,
        {
            "utt2spk": {"a-1": "a", "a-2": "a", "b-1": "b", "c-1": "c"},
            "segments": {"a-1": "r1 0 1", "a-2": "gone 0 1", "b-1": "r2 2 1", "c-1": "r3 0 1"},
            "wav.scp": {"r1": "1.wav", "r2": "2.wav", "r3": "3.wav", "r4": "4.wav"},
            "cmvn.scp": {"a": "x:1", "b": "x:2"},
            "phones.ctm": {"a-1": "1 0 1 A\n1 1 x B", "b-1": "1 0 1 A"},
        },
    )
    done = fix(tmp_path, CHECKS)
    data = DataDir.open(tmp_path)
    assert list(data.utts) == ["a-1"]
    assert done.dropped_utts == ["a-2", "b-1", "c-1"]
    assert dict(data.table("wav.scp")) == {"r1": "1.wav"}
    assert dict(data.table("cmvn.scp")) == {"a": "x:1"}
    assert dict(data.table("phones.ctm")) == {"a-1": "1 0 1 A"}
    assert validate(tmp_path, CHECKS).total == 0


def test_rows_that_point_at_nothing_go_only_when_asked(tmp_path: Path):
    (tmp_path / "a.wav").write_bytes(b"x")
    write_datadir(tmp_path, {"utt2spk": {"a": "a", "b": "b"}, "wav.scp": {"a": f"{tmp_path}/a.wav", "b": "/gone.wav"}})
    assert fix(tmp_path, CHECKS).num_after == 2
    done = fix(tmp_path, CHECKS, drop_missing=True)
    assert done.dropped["wav.scp: missing-file"] == 1
    assert done.dropped_utts == ["b"]


def test_prefixing_renames_everywhere(tmp_path: Path):
    write_datadir(
        tmp_path,
        {
            "utt2spk": {"1": "s", "s-2": "s"},
            "wav.scp": {"1": "1.wav", "s-2": "2.wav"},
            "phones.ctm": {"1": "1 0 1 A"},
            "reco2dur": {"1": "1", "s-2": "1"},
        },
    )
    assert validate(tmp_path, CHECKS).total == 1
    assert fix(tmp_path, CHECKS, prefix=True).renamed == 1
    assert validate(tmp_path, CHECKS).total == 0
    assert read_table(tmp_path / "wav.scp") == {"s-1": "1.wav", "s-2": "2.wav"}
    assert read_table(tmp_path / "phones.ctm") == {"s-1": "1 0 1 A"}
    (tmp_path / "utt2spk").write_text("2 s\ns-1 s\ns-2 s\n")
    (tmp_path / "wav.scp").write_text("2 x\ns-1 x\ns-2 x\n")
    (tmp_path / "reco2dur").write_text("2 1\ns-1 1\ns-2 1\n")
    with pytest.raises(DataError, match="would be called s-2"):
        fix(tmp_path, CHECKS, prefix=True)


def test_nothing_left_is_an_error_and_changes_nothing(tmp_path: Path):
    (tmp_path / "utt2spk").write_text("b b\na a\n")
    (tmp_path / "text").write_text("c x\n")
    before = tables(tmp_path)
    with pytest.raises(DataError, match="nothing of"):
        fix(tmp_path, CHECKS)
    assert tables(tmp_path) == before


PIECES = ["a", "b-", "1", " ", "\t", "\n", "\r\n", "\0", "\u00a0", "-5", "nan", "x 0 1", "\ufeff", "नम", "\x85"]
LINES = st.lists(st.sampled_from(PIECES), max_size=8).map(lambda pieces: "".join(pieces).encode())
ROW = st.tuples(st.sampled_from(["a-1", "a-2", "b-1", "b-2"]), st.sampled_from(["1", "0.5", "a", "r 0 1", "r 1 0", ""]))
SOUND = ROW.map(lambda row: f"{row[0]} {row[1]}".strip().encode())
TABLE = st.lists(SOUND | LINES | st.binary(max_size=6), max_size=8).map(b"\n".join)
NAMES = ["text", "utt2dur", "utt2lang", "segments", "wav.scp", "phones.ctm", "utt2num_frames", "cmvn.scp", "reco2dur"]


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.sampled_from(NAMES), TABLE, max_size=4),
    st.lists(SOUND | LINES, max_size=4).map(b"\n".join),
    st.booleans(),
)
def test_what_is_fixed_is_sound_and_fixed_again_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows, junk, prefix
):
    folder = tmp_path_factory.mktemp("dir")
    (folder / "utt2spk").write_bytes(b"b-1 b\na-1 a\na-2 a\nb-2 b\n" + junk)
    for name, data in rows.items():
        (folder / name).write_bytes(data)
    if "segments" in rows and "wav.scp" not in rows:
        (folder / "wav.scp").write_bytes(b"r x.wav\n0 y.wav\n")
    before = tables(folder)
    try:
        done = fix(folder, CHECKS, prefix=prefix)
    except MasrError:
        assert tables(folder) == before
        return
    findings = validate(folder, CHECKS).findings
    left = {finding.rule for finding in findings}
    assert left <= {"speaker-prefix", "speaker-order", "tilde"} - ({"speaker-prefix"} if prefix else set()), findings
    after = tables(folder)
    again = fix(folder, CHECKS, prefix=prefix)
    assert again.changed == []
    assert again.num_after == done.num_after
    assert {**tables(folder), ".index": b""} == {**after, ".index": b""}
