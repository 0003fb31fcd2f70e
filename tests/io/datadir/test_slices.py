"""Slices by copied lines against the same rows written one by one, and columns read at once against one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.errors import DataError
from masr.io.datadir import DataDir, write_datadir
from masr.io.datadir.columns import plain_numbers, word_column
from masr.io.datadir.lines import Lines
from masr.io.datadir.select import split, subset
from masr.io.datadir.view import open_table

VALUES = ["plain", "two words", "a  gap", "tab\tinside", "end ", "caf\u00e9", "wide\u3000blank", "no\u00a0break", ""]


@st.composite
def files(draw: st.DrawFn) -> dict[str, str]:
    """Tables as text, not all of them as we would write them: blanks, orders and missing rows of their own."""
    speakers = draw(st.lists(st.sampled_from(["a", "aa", "b", "c\u00e9"]), min_size=1, max_size=4, unique=True))
    prefixed = draw(st.booleans())
    utts = []
    for speaker in speakers:
        count = draw(st.integers(1, 4))
        utts += [(f"{speaker}-{n}" if prefixed else f"{n}-{speaker}", speaker) for n in range(count)]
    utts.sort(key=lambda pair: pair[0].encode())
    ids = [utt for utt, _ in utts]
    tables = {
        "utt2spk": [f"{utt}{draw(st.sampled_from([' ', '  ', chr(9)]))}{spk}" for utt, spk in utts],
        "text": [f"{utt} {draw(st.sampled_from(VALUES))}" for utt in ids],
        "utt2note": [f"{utt} {draw(st.sampled_from(VALUES))}" for utt in ids],
        "utt2dur": [f"{utt} 1.5" for utt in ids if draw(st.integers(0, 5))] + [f"{ids[0]}0 9"],
        "wav.scp": [f"{utt} {utt}.wav" for utt in ids],
        "cmvn.scp": [f"{spk} c.ark:{spk}" for spk in sorted(speakers, key=str.encode)],
        "phones.ctm": [f"{utt} 1 {t} 0.1 A" for utt in ids[::2] for t in range(2)],
    }
    if draw(st.booleans()):
        tables["segments"] = [f"{utt} rec{draw(st.integers(0, 2))} 0 1" for utt in ids]
        tables["wav.scp"] = [f"rec{n} rec{n}.wav" for n in range(3)]
    if draw(st.booleans()):
        tables["utt2note"].reverse()
    return {name: "".join(f"{line}\n" for line in lines) for name, lines in tables.items() if lines}


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and p.name != ".index"}


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(files(), st.integers(1, 5), st.booleans())
def test_parts_are_what_choosing_their_utterances_writes(tmp_path_factory, tables, num, by_speaker):
    folder = tmp_path_factory.mktemp("dir")
    (folder / "all").mkdir()
    for name, lines in tables.items():
        (folder / "all" / name).write_text(lines, encoding="utf-8")
    (folder / "all" / "frame_shift").write_text("0.01\n")
    source = DataDir.open(folder / "all")
    limit = len(set(source.table("utt2spk").values())) if by_speaker else len(source)
    parts = split(source, min(num, limit), by_speaker)
    seen: list[str] = []
    for number, part in enumerate(parts):
        utts = list(DataDir.open(part).utts)
        seen += utts
        subset(source, folder / f"same{number}", utts)  # row by row
        assert contents(part) == contents(folder / f"same{number}")
    assert sorted(seen, key=str.encode) == list(source.utts)


def test_blanks_that_writing_anew_would_drop_are_seen_wherever_they_stand():
    from masr.io.datadir.slices import _has_idle_blanks

    row = b"utterance word\n"
    lines = row * 20_000  # more than one piece
    assert not _has_idle_blanks(np.frombuffer(lines, dtype=np.uint8))
    for place in (0, (1 << 18) // len(row) * len(row), len(lines) - len(row)):
        for bad in (b"utterance  word\n", b"utterance word \n"):
            assert _has_idle_blanks(np.frombuffer(lines[:place] + bad + lines[place:], dtype=np.uint8))
    edge = b"x" * ((1 << 18) - 1) + b"  y\n"  # one of the two in each piece
    assert _has_idle_blanks(np.frombuffer(edge, dtype=np.uint8))


def test_rows_of_speakers_are_copied_or_looked_up(tmp_path: Path):
    for name, rows in {"right": ["a", "b", "c"], "more": ["a", "ab", "b", "c"], "less": ["a", "c"]}.items():
        tables = {"utt2spk": {f"{speaker}-{n}": speaker for speaker in "abc" for n in range(2)}}
        write_datadir(tmp_path / name, {**tables, "cmvn.scp": {speaker: f"c.ark:{speaker}" for speaker in rows}})
        first, second = split(DataDir.open(tmp_path / name), 2)
        found = [set(DataDir.open(part).table("cmvn.scp")) for part in (first, second)]
        assert found == [{"a", "b"} & set(rows), {"b", "c"} & set(rows)], name


def test_a_part_replaces_an_older_directory(tmp_path: Path):
    tables = {"utt2spk": {f"s-{n}": "s" for n in range(4)}, "utt2lang": {f"s-{n}": "hin" for n in range(4)}}
    write_datadir(tmp_path / "all", tables)
    source = DataDir.open(tmp_path / "all")
    first = split(source, 2)[0]
    (first / "utt2old").write_text("x y\n")
    DataDir.open(first)
    assert split(source, 2)[0] == first
    assert sorted(p.name for p in first.iterdir()) == ["spk2utt", "utt2lang", "utt2spk"]
    assert (first / "spk2utt").read_text() == "s s-0 s-1\n"


WORDS = ["1", "20", "007", "12345678901234567890", "0.25", "1e3", "-4.", ".5", "nan", "1_0", "1.2.3", "x", "inf"]


@settings(deadline=None, max_examples=100)
@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=12), st.sampled_from([" ", "\t", "  "]), st.booleans())
def test_numbers_are_those_of_each_row(tmp_path_factory, words, blank, turned):
    path = tmp_path_factory.mktemp("table") / "utt2dur"
    rows = [f"u{n:02d}{blank}{word}" for n, word in enumerate(words)]
    path.write_text("\n".join(rows[::-1] if turned else rows))
    table = open_table(path)
    try:
        expected = [float(word) for word in words]
    except ValueError:
        with pytest.raises(DataError, match="is not a number"):
            table.numbers()
        return
    if not np.isfinite(expected).all():
        with pytest.raises(DataError, match="is not a finite number"):
            table.numbers()
        return
    np.testing.assert_array_equal(table.numbers(), expected)


def test_a_column_is_given_only_where_every_row_has_one_word():
    assert word_column(Lines(b"a x\nbb yy\n")).tolist() == [b"x", b"yy"]
    assert all(word_column(Lines(rows)) is None for rows in (b"", b"a\n", b"a \n", b"a x y\n", b"a x\n\n", b" a\n"))
    assert plain_numbers(np.array([b"1", b"1e2"])).tolist() == [1, 100]
    assert plain_numbers(np.array([b"007", b"123456789012345", b"0"])).tolist() == [7, 123456789012345, 0]
    assert plain_numbers(np.array([b"1", b""])) is None
    assert all(plain_numbers(np.array([word])) is None for word in (b"nan", b"", b"1.2.3", b"1" * 40))


def test_tables_with_the_same_ids_are_told_from_others(tmp_path: Path):
    whole = "".join(f"u{n:06d} x\n" for n in range(70_000))  # more than one piece
    other = whole.replace("u069999 ", "u07 ")
    turned = "".join(f"u{n:06d} x\n" for n in reversed(range(70_000)))
    for name, lines in {
        "a": whole,
        "b": whole.replace(" x", " yy z"),
        "c": other,
        "d": turned,
        "e": whole[10:],
    }.items():
        (tmp_path / name).write_text(lines)
    first = open_table(tmp_path / "a")
    assert [first.same_ids(open_table(tmp_path / name)) for name in "abcde"] == [True, True, False, True, False]


def test_a_part_that_cannot_be_written_is_said_and_what_waits_is_not_begun(tmp_path: Path):
    utts = {f"s{n:03d}-u": f"s{n:03d}" for n in range(200)}
    write_datadir(tmp_path / "all", {"utt2spk": utts, "wav.scp": dict.fromkeys(utts, "a.wav")})
    (tmp_path / "out").mkdir()
    (tmp_path / "out/1").write_text("a file stands where the first part belongs")
    with pytest.raises((DataError, OSError), match="out/1"):
        split(DataDir.open(tmp_path / "all"), 200, out=tmp_path / "out")
    assert not (tmp_path / "out/200").exists()
