from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.errors import DataError
from masr.io.ark import ArchiveWriter, read_array
from masr.io.datadir import DataDir, read_table, write_datadir
from masr.io.datadir.choose import Choice, choose, in_random_order
from masr.io.datadir.combine import combine
from masr.io.datadir.report import Checks
from masr.io.datadir.select import split, subset
from masr.io.datadir.summary import count_labels, summarise
from masr.io.datadir.validate import validate

SPEAKERS = ["anna", "bea", "carl", "dora"]
NO_FILES = Checks(files=False)


@st.composite
def directories(draw: st.DrawFn) -> dict[str, dict[str, str]]:
    """Tables of a sound directory: a few speakers, labels, with or without segments and alignments."""
    sizes = draw(st.lists(st.integers(1, 5), min_size=1, max_size=4))
    utts = [f"{SPEAKERS[s]}-{n}" for s, size in enumerate(sizes) for n in range(size)]
    utt2spk = {utt: utt.split("-")[0] for utt in utts}
    labels = st.sampled_from(["hin", "urd", "no", "a free one"])
    tables = {
        "utt2spk": utt2spk,
        "text": {utt: f"says {utt}" for utt in utts},
        "utt2lang": {utt: draw(labels) for utt in utts},
        "utt2dur": {utt: f"{draw(st.integers(1, 40)) / 4}" for utt in utts},
        "feats.scp": {utt: f"x.ark:{n}" for n, utt in enumerate(utts)},
        "cmvn.scp": {spk: f"c.ark:{spk}" for spk in set(utt2spk.values())},
        "wav.scp": {utt: f"{utt}.wav" for utt in utts},
        "reco2dur": dict.fromkeys(utts, "10"),
    }
    if draw(st.booleans()):
        recordings = {utt: f"rec{draw(st.integers(0, 2))}" for utt in utts}
        tables["segments"] = {utt: f"{rec} 0 {tables['utt2dur'][utt]}" for utt, rec in recordings.items()}
        tables["wav.scp"] = {rec: f"{rec}.flac" for rec in recordings.values()}
        tables["reco2dur"] = dict.fromkeys(recordings.values(), "10")
    if draw(st.booleans()):
        tables["phones.ctm"] = dict.fromkeys(utts[::2], "1 0 0.1 A\n1 0.1 0.2 B")
    return tables


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file() and p.name != ".index"}


@settings(deadline=None, max_examples=25)
@given(directories(), st.integers(1, 6), st.booleans())
def test_split_then_combine_is_the_same_directory(tmp_path_factory: pytest.TempPathFactory, tables, num, by_speaker):
    folder = tmp_path_factory.mktemp("dir")
    write_datadir(folder / "all", tables)
    (folder / "all" / "frame_shift").write_text("0.01\n")
    whole = contents(folder / "all")
    source = DataDir.open(folder / "all")
    num = min(num, len(source.table("spk2utt")) if by_speaker else len(source))
    parts = split(source, num, by_speaker)
    assert [part.parent.name for part in parts] == [f"split{num}" + ("" if by_speaker else "utt")] * num
    opened = [DataDir.open(part) for part in parts]
    assert [utt for part in opened for utt in part.utts] == list(source.utts)
    assert all(validate(part, NO_FILES).total == 0 and len(DataDir.open(part)) for part in parts)
    if by_speaker:
        assert sum(len(part.table("spk2utt")) for part in opened) == len(source.table("spk2utt"))
    else:
        assert max(map(len, opened)) - min(map(len, opened)) <= 1
    combine(folder / "again", opened)
    assert contents(folder / "again") == whole


@settings(deadline=None, max_examples=25)
@given(directories(), st.sets(st.sampled_from(["hin", "urd", "no"]), min_size=1), st.booleans())
def test_a_subset_by_label_has_exactly_those(tmp_path_factory: pytest.TempPathFactory, tables, labels, keep):
    folder = tmp_path_factory.mktemp("dir")
    write_datadir(folder / "all", tables)
    source = DataDir.open(folder / "all")
    lang = tables["utt2lang"]
    expected = {utt for utt in lang if (lang[utt] in labels) == keep}
    given_labels = {"lang": labels}
    if not labels <= set(lang.values()):
        with pytest.raises(DataError, match="has no lang"):
            choose(source, Choice(keep=given_labels))
        return
    utts = choose(source, Choice(keep=given_labels) if keep else Choice(drop=given_labels))
    assert set(utts) == expected
    if not expected:
        with pytest.raises(DataError, match="nothing of"):
            subset(source, folder / "some", utts)
        return
    some = subset(source, folder / "some", utts)
    assert set(some.utts) == expected
    assert validate(folder / "some", NO_FILES).total == 0
    assert set(some.tables()) | {"phones.ctm"} == set(source.tables()) | {"phones.ctm"}
    for name in some.tables():
        rows = read_table(folder / "some" / name)
        if name != "spk2utt":
            assert rows.items() <= read_table(folder / "all" / name).items()


@pytest.fixture
def source(tmp_path: Path) -> DataDir:
    utts = [f"{spk}-{n}" for spk in SPEAKERS for n in range(5)]
    tables = {
        "utt2spk": {utt: utt.split("-")[0] for utt in utts},
        "text": dict.fromkeys(utts, "x"),
        "utt2dur": {utt: str(1 + int(utt[-1])) for utt in utts},
        "utt2lang": {utt: "hin" if utt < "bea-1" else "urd" for utt in utts},
        "utt2num_frames": dict.fromkeys(utts, "100"),
    }
    write_datadir(tmp_path / "src", tables)
    (tmp_path / "src" / "problems.tsv").write_text("where\treason\nx.wav\ttruncated\ny.wav\tstereo\n")
    return DataDir.open(tmp_path / "src")


def test_every_way_to_choose(source: DataDir):
    utts = list(source.utts)
    assert choose(source, Choice(num=3, how="first")) == utts[:3]
    assert choose(source, Choice(num=3, how="last")) == utts[-3:]
    assert choose(source, Choice(num=4, how="shortest")) == [f"{spk}-0" for spk in SPEAKERS]
    assert choose(source, Choice(min_sec=2, max_sec=3, speakers=["anna"])) == ["anna-1", "anna-2"]
    assert choose(source, Choice(utts=["bea-1", "anna-3"])) == ["anna-3", "bea-1"]
    each = Counter(utt.split("-")[0] for utt in choose(source, Choice(num=2, how="each")))
    assert each == dict.fromkeys(SPEAKERS, 2)
    langs = Counter(source.labels("lang")[u] for u in choose(source, Choice(num=4, how="each", kind="lang")))
    assert langs == {"hin": 4, "urd": 4}
    assert choose(source, Choice()) == utts


def test_a_draw_depends_on_its_seed_and_holds_the_smaller_one(source: DataDir):
    draws = [choose(source, Choice(num=8, seed=seed)) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    assert set(choose(source, Choice(num=3))) <= set(draws[0])
    assert in_random_order(["c", "a", "b"], 7) == in_random_order(["a", "b", "c"], 7)


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        (Choice(num=21), "21 utterances asked for, 20 are there"),
        (Choice(num=0), "0 utterances cannot be chosen"),
        (Choice(utts=["anna-9"]), "has no utterance anna-9"),
        (Choice(speakers=["ana"]), "has no speaker ana"),
        (Choice(keep={"lang": ["hind"]}), "has no lang hind"),
        (Choice(keep={"gender": ["f"]}), "has no utt2gender"),
    ],
)
def test_what_is_not_there_cannot_be_chosen(source: DataDir, choice: Choice, message: str):
    with pytest.raises(DataError, match=message) as caught:
        choose(source, choice)
    assert caught.value.fix


def test_impossible_splits_and_subsets_are_refused(source: DataDir, tmp_path: Path):
    for num, by_speaker in ((0, False), (21, False), (5, True)):
        with pytest.raises(DataError, match="cannot be split"):
            split(source, num, by_speaker)
    with pytest.raises(DataError, match="has no utterance zoe"):
        subset(source, tmp_path / "out", ["zoe"])
    with pytest.raises(DataError, match="read and written at once"):
        subset(source, source.folder, ["anna-0"])
    assert not (tmp_path / "out").exists()


def test_speakers_are_spread_evenly(tmp_path: Path):
    utts = [f"{spk}-{n}" for spk, size in zip("abcdef", (10, 1, 1, 1, 1, 10)) for n in range(size)]
    write_datadir(tmp_path / "d", {"utt2spk": {utt: utt[0] for utt in utts}})
    parts = split(DataDir.open(tmp_path / "d"), 3, by_speaker=True, out=tmp_path / "parts")
    assert [len(DataDir.open(part)) for part in parts] == [10, 4, 10]
    parts = split(DataDir.open(tmp_path / "d"), 6, by_speaker=True, out=tmp_path / "parts")
    assert [len(DataDir.open(part)) for part in parts] == [10, 1, 1, 1, 1, 10]


def make(folder: Path, speaker: str, **tables: dict[str, str]) -> DataDir:
    rows = {name.replace("_scp", ".scp"): {f"{speaker}-{k}": v for k, v in t.items()} for name, t in tables.items()}
    write_datadir(folder, {"utt2spk": {f"{speaker}-1": speaker}, **rows})
    return DataDir.open(folder)


def test_a_table_that_only_some_have_needs_a_choice(tmp_path: Path):
    a = make(tmp_path / "a", "a", text={"1": "x"}, utt2lang={"1": "hin"})
    b = make(tmp_path / "b", "b", text={"1": "y"})
    with pytest.raises(DataError, match="only some of the directories have utt2lang") as caught:
        combine(tmp_path / "c", [a, b])
    assert "--partial drop" in caught.value.fix
    assert not (tmp_path / "c").exists()
    assert combine(tmp_path / "c", [a, b], "drop").tables() == ["spk2utt", "text", "utt2spk"]
    kept = combine(tmp_path / "c", [a, b], "keep")
    assert dict(kept.labels("lang")) == {"a-1": "hin"}


def test_whole_recordings_become_segments_beside_real_ones(tmp_path: Path):
    a = make(tmp_path / "a", "a", wav_scp={"1": "a.wav"}, utt2dur={"1": "2.5"})
    write_datadir(
        tmp_path / "b",
        {
            "utt2spk": {"b-1": "b"},
            "wav.scp": {"rec": "b.wav"},
            "segments": {"b-1": "rec 1 2"},
            "utt2dur": {"b-1": "1"},
            "reco2dur": {"rec": "9"},
        },
    )
    made = combine(tmp_path / "c", [a, DataDir.open(tmp_path / "b")])
    assert dict(made.table("segments")) == {"a-1": "a-1 0 2.5", "b-1": "rec 1 2"}
    assert dict(made.table("reco2dur")) == {"a-1": "2.5", "rec": "9"}
    assert validate(tmp_path / "c", Checks(text=False, files=False)).total == 0


def test_clashes_are_refused(tmp_path: Path):
    a = make(tmp_path / "a", "a", text={"1": "x"})
    with pytest.raises(DataError, match=r"a-1 is in .*text"):
        combine(tmp_path / "c", [a, a])
    with pytest.raises(DataError, match="read and written at once"):
        combine(tmp_path / "a", [a])
    b = make(tmp_path / "b", "b", text={"1": "x"})
    (tmp_path / "a" / "frame_shift").write_text("0.01\n")
    (tmp_path / "b" / "frame_shift").write_text("0.02\n")
    with pytest.raises(DataError, match="frame_shift is not the same"):
        combine(tmp_path / "c", [a, b])
    for name, start in (("d", "7"), ("e", "8")):
        rows = {"utt2spk": {f"s-{name}": "s"}, "reco2dur": {"r": start}}
        write_datadir(tmp_path / name, rows)
    with pytest.raises(DataError, match=r"r is in .*reco2dur"):
        combine(tmp_path / "c", [DataDir.open(tmp_path / name) for name in "de"])


def test_the_summary_counts(source: DataDir):
    figures = summarise(source)
    assert (figures.num_utts, figures.num_speakers, figures.num_languages, figures.num_frames) == (20, 4, 2, 2000)
    assert (figures.total_sec, figures.mean_sec, figures.kinds, figures.num_left_out) == (60.0, 3.0, ("lang",), 2)
    labels = count_labels(source, "lang")
    assert [(c.label, c.num_utts, c.total_sec, c.num_speakers) for c in labels] == [
        ("urd", 14, 44.0, 3),
        ("hin", 6, 16.0, 2),
    ]
    (source.folder / "utt2dur").unlink()
    bare = summarise(DataDir.open(source.folder))
    assert (bare.total_sec, bare.mean_sec) == (None, None)


def test_combined_utterances_can_say_where_they_are_from(tmp_path: Path):
    for name in ("a", "b"):
        write_datadir(tmp_path / name, {"utt2spk": {f"{name}1": name, f"{name}2": name}})
    sources = [DataDir.open(tmp_path / name) for name in ("a", "b")]
    made = combine(tmp_path / "all", sources, origin="set")
    assert dict(made.table("utt2set")) == {"a1": "a", "a2": "a", "b1": "b", "b2": "b"}
    assert not combine(tmp_path / "plain", sources).has("utt2set")
    write_datadir(tmp_path / "x" / "a", {"utt2spk": {"c1": "c"}})
    with pytest.raises(DataError, match="share a name"):
        combine(tmp_path / "out", [sources[0], DataDir.open(tmp_path / "x" / "a")], origin="set")
    with pytest.raises(DataError, match="utt2set already"):
        combine(tmp_path / "out", [made, DataDir.open(tmp_path / "x" / "a")], "keep", origin="set")
    assert not (tmp_path / "out").exists()


def test_a_speaker_of_two_directories_gets_the_sum_of_their_statistics(tmp_path: Path) -> None:
    stats = {name: np.random.default_rng(n).random((2, 5)) for n, name in enumerate(("a bob", "b bob", "b eve"))}
    for folder, speakers in (("a", ["bob"]), ("b", ["bob", "eve"])):
        with ArchiveWriter(tmp_path / f"{folder}.ark") as archive:
            for speaker in speakers:
                archive.append(speaker, stats[f"{folder} {speaker}"])
        utts = {f"{speaker}-{folder}": speaker for speaker in speakers}
        write_datadir(tmp_path / folder, {"utt2spk": utts, "cmvn.scp": archive.rows})
    a, b = DataDir.open(tmp_path / "a"), DataDir.open(tmp_path / "b")
    made = dict(combine(tmp_path / "c", [a, b]).table("cmvn.scp").items())
    np.testing.assert_array_equal(read_array(made["bob"]), stats["a bob"] + stats["b bob"])
    assert made["eve"] == archive.rows["eve"]


def test_statistics_of_other_features_are_not_summed(tmp_path: Path) -> None:
    for width, folder in enumerate("ab", start=4):
        with ArchiveWriter(tmp_path / f"{folder}.ark") as archive:
            archive.append("bob", np.ones((2, width)))
        write_datadir(tmp_path / folder, {"utt2spk": {f"bob-{folder}": "bob"}, "cmvn.scp": archive.rows})
    with pytest.raises(DataError, match=r"bob in cmvn\.scp have other shapes"):
        combine(tmp_path / "c", [DataDir.open(tmp_path / "a"), DataDir.open(tmp_path / "b")])
