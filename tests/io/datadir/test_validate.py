from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.errors import DataError, MasrError
from masr.io.ark import ArchiveWriter
from masr.io.datadir import write_datadir, write_table
from masr.io.datadir.fix import fix
from masr.io.datadir.report import FIXES, Checks
from masr.io.datadir.validate import validate

UTTS = ("a-1", "a-2", "b-1")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A sound directory data/train of three utterances, each with every table that the rules know."""
    folder = tmp_path / "data" / "train"
    folder.mkdir(parents=True)
    (folder / "some.ark").write_bytes(bytes(100))
    for utt in UTTS:
        (folder / f"{utt}.wav").write_bytes(b"RIFF")
    speakers = {"a": "f", "b": "m"}
    tables = {
        "utt2spk": {utt: utt[0] for utt in UTTS},
        "wav.scp": {utt: f"{folder}/{utt}.wav" for utt in UTTS},
        "feats.scp": {utt: f"{folder}/some.ark:{n * 40}" for n, utt in enumerate(UTTS)},
        "text": dict.fromkeys(UTTS, "some words"),
        "utt2dur": dict.fromkeys(UTTS, "1.5"),
        "utt2num_frames": dict.fromkeys(UTTS, "148"),
        "utt2lang": dict.fromkeys(UTTS, "free form, any label"),
        "utt2loc": dict.fromkeys(UTTS, "-12.5 100"),
        "reco2dur": dict.fromkeys(UTTS, "1.5"),
        "reco2file_and_channel": {utt: f"{utt} A" for utt in UTTS},
        "spk2gender": speakers,
        "cmvn.scp": dict.fromkeys(speakers, f"{folder}/some.ark:7[0:3]"),
        "phones.ctm": {"a-2": "1 0.0 0.2 AH\n1 0.2 0.3 B"},
    }
    write_datadir(folder, tables)
    return folder


def cut(folder: Path, name: str, table: str) -> None:
    (folder / name).write_text(table)


def as_segments(folder: Path, segments: str) -> None:
    """The same directory with one recording that all utterances are cut from."""
    cut(folder, "wav.scp", f"rec {folder}/a-1.wav\n")
    cut(folder, "reco2dur", "rec 9\n")
    cut(folder, "reco2file_and_channel", "rec rec A\n")
    cut(folder, "segments", segments)


def found(folder: Path, checks: Checks | None = None) -> list[str]:
    report = validate(folder, checks)
    assert report.total == len(report.findings)
    assert all(finding.fix for finding in report.findings)
    return [f"{f.path.name}:{f.line} {f.rule}" for f in report.findings]


def test_a_sound_directory_has_no_findings(folder: Path):
    assert found(folder) == []
    as_segments(folder, "a-1 rec 0 1.5\na-2 rec 1.5 3.0\nb-1 rec 4 5.5\n")
    assert found(folder) == []


AAB = "a-1 {0}\na-2 {1}\nb-1 {0}\n"
ONE_TABLE = [
    ("text", "\ufeffa-1 x\na-2 x\nb-1 x\n", ["text:1 byte-order-mark"]),
    ("text", "a-1 x\r\na-2 x\nb-1 x\r\n", ["text:1 line-ending", "text:3 line-ending"]),
    ("utt2dur", "a-1 1\r\na-2 2\r\nb-1 3\r\n", [f"utt2dur:{n} line-ending" for n in (1, 2, 3)]),
    ("text", AAB.format("x", "x\x07y"), ["text:2 control-character"]),
    ("utt2lang", AAB.format("x", "x\0y"), ["utt2lang:2 control-character"]),
    ("utt2lang", AAB.format("x", "x\ry"), ["utt2lang:2 control-character"]),
    ("text", "a-1 x\na-2 x\nb-1 x", ["text:3 last-newline"]),
    ("text", "a-1 x\n\na-2 x\nb-1 x\n", ["text:2 no-id"]),
    ("text", "a-1 x\n a-2 x\nb-1 x\n", ["text:2 no-id", "text:3 missing-id"]),
    ("text", "b-1 x\na-1 x\n", ["text:2 order", "text:0 missing-id"]),
    ("text", AAB.format("x", "x\u00a0y"), ["text:2 text-blank"]),
    ("text", AAB.format("x", "x\u2009y"), ["text:2 text-blank"]),
    ("text", AAB.format("x", "hello <s> x"), ["text:2 text-symbol"]),
    ("text", AAB.format("x", "#0"), ["text:2 text-symbol"]),
    ("text", AAB.format("x<s>x", "a#0b"), []),
    ("text", "a-1\tx\na-2   x \nb-1 x\t\n", []),
    ("text", "a-1 x\nb-1 x\na-2 x\n", ["text:3 order"]),
    ("text", "a-1 x\na-1 y\na-2 x\nb-1 x\n", ["text:2 duplicate"]),
    ("text", "a-2 x\na-1 y\na-2 x\nb-1 x\n", ["text:2 order", "text:3 duplicate"]),
    ("text", "a-1 x\na-2 x\na-3 x\nb-1 x\n", ["text:3 unknown-id"]),
    ("text", "a-1 x\nb-1 x\n", ["text:2 missing-id"]),
    ("utt2lang", "", ["utt2lang:1 missing-id"] * 3),
    ("utt2lang", AAB.format("x", ""), ["utt2lang:2 no-value"]),
    ("wav.scp", "a-1\na-2\nb-1\n", [f"wav.scp:{n} no-value" for n in (1, 2, 3)]),
    ("utt2dur", AAB.format("1.5", "1.5 2"), ["utt2dur:2 columns"]),
    ("utt2dur", AAB.format("1.5", "0"), ["utt2dur:2 number"]),
    ("utt2dur", AAB.format("1.5", "-1"), ["utt2dur:2 number"]),
    ("utt2dur", AAB.format("1.5", "nan"), ["utt2dur:2 number"]),
    ("utt2dur", AAB.format("1.5", "inf"), ["utt2dur:2 number"]),
    ("utt2dur", AAB.format("1.5", "1e999"), ["utt2dur:2 number"]),
    ("utt2dur", AAB.format("1.5", "1_0"), ["utt2dur:2 number"]),
    ("utt2dur", AAB.format("1.5", "1,5"), ["utt2dur:2 number"]),
    ("utt2dur", AAB.format("1.5", "1" * 40), []),
    ("utt2dur", AAB.format("1e-3", ".5 "), []),
    ("utt2num_frames", AAB.format("148", "0"), ["utt2num_frames:2 number"]),
    ("utt2num_frames", AAB.format("148", "1.5"), ["utt2num_frames:2 number"]),
    ("reco2dur", AAB.format("1", "x"), ["reco2dur:2 number"]),
    ("utt2loc", AAB.format("1 2", "91 0"), ["utt2loc:2 place"]),
    ("utt2loc", AAB.format("1 2", "1"), ["utt2loc:2 place"]),
    ("utt2warp", AAB.format("1", "2"), ["utt2warp:2 number"]),
    ("spk2gender", "a f\nb male\n", ["spk2gender:2 gender"]),
    ("spk2gender", "a f\n", ["spk2gender:2 missing-id"]),
    ("cmvn.scp", "a {f}:0\nb {f}:0\nc {f}:0\n", ["cmvn.scp:3 unknown-id"]),
    ("reco2file_and_channel", AAB.format("x A", "x C"), ["reco2file_and_channel:2 channel"]),
    ("reco2file_and_channel", AAB.format("x A", "A"), ["reco2file_and_channel:2 columns"]),
    ("spk2utt", "a a-1 a-2\n", ["spk2utt:2 missing-id"]),
    ("spk2utt", "a a-2 a-1\nb b-1\n", ["spk2utt:1 spk2utt"]),
    ("spk2utt", "a a-1\nb a-2 b-1\n", ["spk2utt:1 spk2utt", "spk2utt:2 spk2utt"]),
    ("wav.scp", AAB.format("{f}", "sph2pipe x |"), ["wav.scp:2 pipe"]),
    ("wav.scp", AAB.format("{f}", "~/x.wav"), ["wav.scp:2 tilde"]),
    ("wav.scp", AAB.format("{f}", "{f}/no.wav"), ["wav.scp:2 missing-file"]),
    ("wav.scp", AAB.format("{f}", "/"), ["wav.scp:2 missing-file"]),
    ("feats.scp", AAB.format("{f}:0", "{f}:99"), []),
    ("feats.scp", AAB.format("{f}:0", "{f}:100"), ["feats.scp:2 archive-offset"]),
    ("feats.scp", AAB.format("{f}:0", "{f}.gone:0"), ["feats.scp:2 missing-file"]),
    ("feats.scp", AAB.format("{f}:0", "{f}:" + "9" * 5000), ["feats.scp:2 archive-offset"]),
    ("phones.ctm", "a-1 1 0 1\n", ["phones.ctm:1 columns"]),
    ("phones.ctm", "a-1 1 0 x AH\n", ["phones.ctm:1 number"]),
    ("phones.ctm", "a-1 1 0 1 AH\nz 1 0 1 B\nz 1 1 1 C\n", ["phones.ctm:2 unknown-id"]),
    ("phones.ctm", "b-1 1 0 1 AH\na-1 1 0 1 B\n", ["phones.ctm:2 order"]),
]


@pytest.mark.parametrize(("name", "table", "findings"), ONE_TABLE)
def test_a_broken_row_is_found_at_its_line(folder: Path, name: str, table: str, findings: list[str]):
    cut(folder, name, table.replace("{f}", str(folder / "some.ark")))
    assert found(folder) == findings


@pytest.mark.parametrize(
    ("segments", "findings"),
    [
        ("a-1 rec 0 1\na-2 rec 2 2\nb-1 rec 0 1\n", ["segments:2 segment-times"]),
        ("a-1 rec 0 1\na-2 rec 3 2\nb-1 rec 0 1\n", ["segments:2 segment-times"]),
        ("a-1 rec 0 1\na-2 rec -1 2\nb-1 rec 0 1\n", ["segments:2 segment-times"]),
        ("a-1 rec 0 1\na-2 rec 0 inf\nb-1 rec 0 1\n", ["segments:2 number"]),
        ("a-1 rec 0 1\na-2 rec 0\nb-1 rec 0 1\n", ["segments:2 columns"]),
        ("a-1 rec 0 1\nb-1 rec 0 1\n", ["segments:2 missing-id"]),
    ],
)
def test_a_broken_segment_is_found_at_its_line(folder: Path, segments: str, findings: list[str]):
    as_segments(folder, segments)
    assert found(folder) == findings


def test_segments_and_recordings_name_each_other(folder: Path):
    as_segments(folder, "a-1 rec 0 1\na-2 gone 0 1\nb-1 rec 0 1\n")
    missing = validate(folder).findings
    assert [(f.path.name, f.line, f.rule) for f in missing] == [
        ("reco2dur", 1, "missing-id"),
        ("reco2file_and_channel", 1, "missing-id"),
        ("wav.scp", 1, "missing-id"),
    ]
    as_segments(folder, "a-1 rec 0 1\na-2 rec 0 1\nb-1 rec 0 1\n")
    cut(folder, "wav.scp", f"rec {folder}/a-1.wav\nunused {folder}/a-2.wav\n")
    assert found(folder) == ["wav.scp:2 unknown-id"]


def test_utt2spk_rules(folder: Path):
    for path in folder.iterdir():
        if path.name not in ("utt2spk", "spk2utt"):
            path.unlink()
    bare = Checks(text=False, wav=False)
    cut(folder, "utt2spk", "a-1 a\na-2 x\nb-1 b\n")
    cut(folder, "spk2utt", "a a-1\nb b-1\nx a-2\n")
    assert found(folder, bare) == ["utt2spk:2 speaker-prefix", "utt2spk:3 speaker-order"]
    assert found(folder, Checks(text=False, wav=False, speaker_prefix=False)) == []
    cut(folder, "utt2spk", "a-b-1 a-b\na-c a\n")
    cut(folder, "spk2utt", "a a-c\na-b a-b-1\n")
    assert found(folder, bare) == ["utt2spk:2 speaker-order"]
    cut(folder, "utt2spk", "a-1 a a\n")
    cut(folder, "spk2utt", "a a-1\n")
    assert found(folder, bare) == ["utt2spk:1 columns"]
    cut(folder, "utt2spk", "")
    cut(folder, "spk2utt", "")
    assert found(folder, bare) == ["utt2spk:0 no-utterances"]


def test_spk2utt_is_judged_in_c_order_even_where_utt2spk_is_not(folder: Path):
    cut(folder, "utt2spk", "a-2 a\na-1 a\nb-1 b\n")
    assert found(folder) == ["utt2spk:2 order"]


def test_what_is_not_utf8_is_found_at_its_line(folder: Path):
    (folder / "text").write_bytes(b"a-1 x\na-2 caf\xe9\nb-1 x\n")
    assert found(folder) == ["text:2 utf-8"]
    (folder / "text").write_bytes("a-1 x\na-2 naïve 語\u0301 नमस्ते\nb-1 x\n".encode())
    assert found(folder) == []


def test_a_blank_of_unicode_in_an_id_is_found_at_its_line(folder: Path):
    cut(folder, "utt2lang", "a-1 x\na-2 x\na-2\u00a0b x\nb-1 x\n")
    assert found(folder) == ["utt2lang:3 blank-in-id", "utt2lang:3 unknown-id"]


def test_missing_tables_are_found_unless_left_out_by_design(folder: Path):
    for name in ("text", "wav.scp", "spk2utt", "reco2dur"):
        (folder / name).unlink()
    assert found(folder) == ["text:0 missing-table", "wav.scp:0 missing-table", "spk2utt:0 spk2utt"]
    assert found(folder, Checks(text=False, wav=False)) == ["spk2utt:0 spk2utt"]


def test_a_missing_spk2utt_is_made_by_the_fix_that_is_named(folder: Path):
    (folder / "spk2utt").unlink()
    (finding,) = validate(folder).findings
    assert finding.fix == "`masr data fix` makes spk2utt again from utt2spk"
    assert fix(folder).num_after == 3
    assert found(folder) == []


def test_an_empty_transcript_is_a_note_unless_it_is_refused(folder: Path):
    cut(folder, "text", "a-1 x\na-2\nb-1  \n")
    report = validate(folder)
    assert report.total == 0
    assert report.notes[0] == "2 of 3 transcripts are empty"
    assert found(folder, Checks(empty_text=False)) == ["text:2 empty-text", "text:3 empty-text"]
    assert fix(folder).num_after == 3


def test_audio_is_read_where_that_is_asked_for_and_said_in_any_case(folder: Path, tmp_path: Path):
    soundfile.write(tmp_path / "good.flac", np.zeros(800, np.int16), 8000)
    data = (tmp_path / "good.flac").read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2])
    cut(folder, "wav.scp", f"a-1 {tmp_path}/good.flac\na-2 {tmp_path}/cut.flac\nb-1 {tmp_path}/good.flac\n")
    assert found(folder) == []
    assert validate(folder).notes == ["the audio was not opened (--audio reads it)"]
    report = validate(folder, Checks(audio=True))
    assert [f"{f.path.name}:{f.line} {f.rule}" for f in report.findings] == ["wav.scp:2 audio"]
    assert report.notes == ["recordings read to their end: 2 of 8000 Hz"]


def test_options_allow_what_they_say(folder: Path):
    cut(folder, "text", AAB.format("x", ""))
    cut(folder, "wav.scp", AAB.format("x |", "/gone.wav"))
    assert len(found(folder, Checks(empty_text=False))) == 4
    assert found(folder, Checks(empty_text=True, pipes=True, files=False)) == []


def test_relative_paths_count_from_the_working_folder_or_the_recipe(folder: Path, monkeypatch: pytest.MonkeyPatch):
    cut(folder, "wav.scp", "".join(f"{utt} data/train/{utt}.wav\n" for utt in UTTS))
    assert found(folder) == []
    monkeypatch.chdir(folder.parent.parent)
    assert found(Path("data/train")) == []
    cut(folder, "wav.scp", "".join(f"{utt} train/{utt}.wav\n" for utt in UTTS))
    assert len(found(Path("data/train"))) == 3


def test_many_files_of_a_folder_are_listed_and_links_followed(tmp_path: Path):
    utts = [f"s-{n:03d}" for n in range(60)]
    for utt in utts:
        (tmp_path / f"{utt}.wav").write_bytes(b"")
    (tmp_path / "s-057.wav").unlink()
    (tmp_path / "s-058.wav").unlink()
    (tmp_path / "s-058.wav").symlink_to(tmp_path / "s-000.wav")
    (tmp_path / "s-059.wav").unlink()
    (tmp_path / "s-059.wav").mkdir()
    rows = {utt: f"{tmp_path}/{utt}.wav" for utt in utts}
    write_datadir(tmp_path / "d", {"utt2spk": dict.fromkeys(utts, "s"), "wav.scp": rows})
    assert found(tmp_path / "d", Checks(text=False)) == ["wav.scp:58 missing-file", "wav.scp:60 missing-file"]


def test_all_are_counted_and_some_are_kept(folder: Path):
    cut(folder, "utt2dur", "a-1 x\na-2 x\nb-1 x\n")
    report = validate(folder, keep=2)
    assert report.total == 3
    assert [f.line for f in report.findings] == [1, 2]
    error = report.error()
    assert "utt2dur:1: x is not a positive number [number]" in error.what
    assert error.fix


def test_an_archive_that_is_not_what_its_checksums_say_is_seen_where_it_is_read_whole(folder: Path) -> None:
    with ArchiveWriter(folder / "whole.ark") as archive:
        for utt in UTTS:
            archive.append(utt, np.ones((3, 2), np.float32))
    write_table(folder / "feats.scp", archive.rows)
    assert found(folder, Checks(full=True)) == []
    data = bytearray((folder / "whole.ark").read_bytes())
    data[-1] ^= 1
    (folder / "whole.ark").write_bytes(data)
    assert found(folder, Checks(full=True)) == ["feats.scp:3 damaged-archive"]
    assert found(folder) == []


def test_every_rule_is_tested_by_name():
    source = Path(__file__).read_text()
    assert [rule for rule in FIXES if f" {rule}" not in source and f'"{rule}"' not in source] == []


TABLE_NAMES = ["utt2spk", "spk2utt", "text", "segments", "wav.scp", "utt2dur", "utt2loc", "phones.ctm", "cmvn.scp"]
PIECES = [b"a", b"b", b"a-1", b" ", b"\t", b"\n", b"\r\n", b"\0", b"\xff", b"\xc2\xa0", b"1", b"-1e9", b"nan", b"|"]
PIECES += [b":", b"999999999999999999999", b"/", b"~", b"]", b"[", b"\xef\xbb\xbf", "नम".encode(), b"<s>", b"9" * 400]
TABLE = st.lists(st.sampled_from(PIECES), max_size=25).map(b"".join) | st.binary(max_size=60)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from(TABLE_NAMES), TABLE), TABLE)
def test_no_bytes_crash_the_validator(tmp_path_factory: pytest.TempPathFactory, tables, utt2spk):
    folder = tmp_path_factory.mktemp("dir")
    for name, data in {"utt2spk": utt2spk, **tables}.items():
        (folder / name).write_bytes(data)
    try:
        report = validate(folder)
    except MasrError as error:
        raise AssertionError("a directory with utt2spk has a report") from error
    assert report.total == len(report.findings)


def test_a_folder_that_is_no_data_directory_is_refused(tmp_path: Path):
    with pytest.raises(DataError, match="has no utt2spk"):
        validate(tmp_path)
    with pytest.raises(DataError, match="no such directory"):
        validate(tmp_path / "trian")
