from __future__ import annotations

import pytest

from masr.corpora.pangloss_xml import read_annotation
from masr.corpora.prepare import prepare
from masr.errors import CorpusError
from masr.io.audio import read_audio
from masr.io.datadir import DataDir
from reference import corpus_layouts as layouts


@pytest.fixture
def sound() -> bytes:
    return layouts.wav(layouts.samples(num_samples=16000))


def test_segments_of_a_text(open_corpus, tmp_path, sound) -> None:
    xml = layouts.pangloss_xml([("S1", 0.0, 0.25, "a  b\n c"), ("S2", 0.5, "1.0", "ʈʰæ˧")])
    layouts.pangloss(tmp_path / "c", {"tale": sound}, {"tale": xml})
    prepare(open_corpus("pangloss"), tmp_path / "c", tmp_path / "data")
    data = DataDir.open(tmp_path / "data/all")
    assert dict(data.table("text")) == {"tale-S1": "a b c", "tale-S2": "ʈʰæ˧"}
    assert dict(data.table("segments")) == {"tale-S1": "tale 0 0.25", "tale-S2": "tale 0.5 1"}
    assert dict(data.table("wav.scp")) == {"tale": str(tmp_path / "c/tale.wav")}
    assert dict(data.table("utt2dur")) == {"tale-S1": "0.25", "tale-S2": "0.5"}
    assert dict(data.labels("lang")) == {"tale-S1": "nru", "tale-S2": "nru"}
    assert len(read_audio(data.table("wav.scp")["tale"], 0.5, 1.0)) == 8000


def test_entries_of_a_word_list(open_corpus, read_all, tmp_path, sound) -> None:
    xml = layouts.pangloss_xml([("W1", 0.1, 0.2, "bois")], root="WORDLIST")
    layouts.pangloss(tmp_path, {"list": sound}, {"list": xml})
    utterances, problems = read_all(open_corpus("pangloss"), tmp_path)
    assert problems == []
    assert utterances["list-W1"].text == "bois"


def test_series_make_splits_and_the_rest_becomes_labels(open_corpus, tmp_path, sound) -> None:
    xml = layouts.pangloss_xml([("S1", 0.0, 0.25, "a")])
    metadata = "file\tseries\tspeaker\tcondition\ntale\tone tale\tF4\theadset\nsong\tsongs\tM1\t\nlist\t\tM2\tlapel\n"
    layouts.pangloss(tmp_path / "c", dict.fromkeys(("tale", "song", "list"), sound), {"tale": xml}, metadata)
    summaries = prepare(open_corpus("pangloss", "language=nru"), tmp_path / "c", tmp_path / "data")
    assert [s.split for s in summaries] == ["all", "one_tale", "songs"]
    tale = DataDir.open(tmp_path / "data/one_tale")
    assert dict(tale.table("utt2spk")) == {"F4-tale-S1": "F4"}
    assert dict(tale.labels("condition")) == {"F4-tale-S1": "headset"}
    assert dict(DataDir.open(tmp_path / "data/songs").table("utt2dur")) == {"M1-song": "1"}
    assert dict(DataDir.open(tmp_path / "data/all").labels("lang")) == {"M2-list": "nru"}


def test_whole_recordings_beside_segments_get_a_segment_of_their_own(open_corpus, tmp_path, sound) -> None:
    xml = layouts.pangloss_xml([("S1", 0.0, 0.25, "a")])
    layouts.pangloss(tmp_path / "c", {"tale": sound, "song": sound}, {"tale": xml})
    (summary,) = prepare(open_corpus("pangloss"), tmp_path / "c", tmp_path / "data")
    data = DataDir.open(tmp_path / "data/all")
    assert dict(data.table("segments")) == {"song": "song 0 1", "tale-S1": "tale 0 0.25"}
    assert dict(data.labels("lang")) == {"song": "unknown", "tale-S1": "nru"}
    assert any("no transcript" in note for note in summary.notes)


def test_bad_segments_and_orphans(open_corpus, tmp_path, sound) -> None:
    segments = [
        ("S1", 0.0, 0.25, "good"),
        ("S1", 0.3, 0.4, "again"),
        ("S2", 0.5, 0.4, "backwards"),
        ("S3", "", 0.4, "no start"),
        ("S4", "nan", 0.4, "not a number"),
        ("S5", 0.9, 99, "past the end"),
        ("S6", 0.9, 1.2, "a little past the end"),
    ]
    layouts.pangloss(tmp_path / "c", {"tale": sound}, {"tale": layouts.pangloss_xml(segments), "lost": "<TEXT/>"})
    (summary,) = prepare(open_corpus("pangloss"), tmp_path / "c", tmp_path / "data", max_bad=1)
    assert dict(summary.problems) == {
        "annotation without audio": 1,
        "duplicate id": 1,
        "segment ends after its recording": 1,
        "segment times": 1,
        "segment without times": 2,
    }
    assert DataDir.open(tmp_path / "data/all").table("segments")["tale-S6"] == "tale 0.9 1"


def test_the_form_that_is_asked_for(open_corpus, read_all, tmp_path, sound) -> None:
    xml = layouts.pangloss_xml([("S1", 0.0, 0.25, "fono")]).replace(
        "</FORM><TRANSL", '</FORM><FORM kindOf="ortho">Orto</FORM><TRANSL'
    )
    layouts.pangloss(tmp_path, {"tale": sound}, {"tale": xml})
    assert read_all(open_corpus("pangloss"), tmp_path)[0]["tale-S1"].text == "fono"
    assert read_all(open_corpus("pangloss", "form=ortho"), tmp_path)[0]["tale-S1"].text == "Orto"
    assert read_all(open_corpus("pangloss", "form=none"), tmp_path)[0]["tale-S1"].text is None


def test_a_channel_of_stereo_recordings(open_corpus, tmp_path) -> None:
    import numpy as np

    left, right = layouts.samples(0), layouts.samples(1)
    layouts.pangloss(tmp_path / "c", {"tale": layouts.wav(np.stack([left, right], axis=1))}, {})
    prepare(open_corpus("pangloss", "channel=1"), tmp_path / "c", tmp_path / "data")
    entry = DataDir.open(tmp_path / "data/all").table("wav.scp")["tale"]
    np.testing.assert_array_equal(read_audio(entry), right / np.float32(32768))


EVIL = {
    "entity": '<!DOCTYPE TEXT [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n',
    "laughs": '<!DOCTYPE TEXT [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>\n',
    "parameter": '<!DOCTYPE TEXT [<!ENTITY % p SYSTEM "http://localhost/x.dtd"> %p;]>\n',
}


@pytest.mark.parametrize("kind", EVIL)
def test_declared_entities_are_refused(tmp_path, kind) -> None:
    path = tmp_path / "x.xml"
    path.write_text(layouts.pangloss_xml([("S1", 0, 1, "&x;" if kind == "entity" else "&b;")], prolog=EVIL[kind]))
    with pytest.raises(CorpusError, match="entity"):
        read_annotation(path)


def test_the_real_files_doctype_is_fine(tmp_path) -> None:
    prolog = '<!DOCTYPE TEXT SYSTEM "https://cocoon.huma-num.fr/schemas/Archive.dtd">\n'
    path = tmp_path / "x.xml"
    path.write_text(layouts.pangloss_xml([("S1", 0, 1, "é &amp; &#x2c8;")], prolog=prolog), encoding="utf-8")
    annotation = read_annotation(path)
    assert (annotation.id, annotation.language) == ("tale", "nru")
    assert annotation.segments[0].forms == (("phono", "é & ˈ"),)


@pytest.mark.parametrize(
    "text", ["", "plain", "<TEXT>", "<HTML/>", "<TEXT><S></TEXT>", "<a>" * 400 + "</a>" * 400, "<TEXT>&x;</TEXT>"]
)
def test_what_is_no_annotation_is_a_problem_of_its_recording(open_corpus, read_all, tmp_path, sound, text) -> None:
    layouts.pangloss(tmp_path, {"tale": sound}, {"tale": text})
    utterances, problems = read_all(open_corpus("pangloss"), tmp_path)
    assert not utterances
    assert problems[0].reason.startswith("bad annotation")
    (tmp_path / "tale.xml").write_text("<TEXT>" + "<b>" * 400 + "</b>" * 400 + "</TEXT>")
    assert "nested too deeply" in read_all(open_corpus("pangloss"), tmp_path)[1][0].reason
