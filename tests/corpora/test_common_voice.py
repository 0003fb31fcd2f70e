"""Common Voice as it is downloaded: TSVs of any release, speakers, locales, clips as MP3."""

from __future__ import annotations

import pytest

from masr.cli.main import main
from masr.errors import CorpusError
from masr.io.datadir import DataDir
from reference import corpus_layouts as layouts


def mp3(seed: int, rate: int = 16000) -> bytes:
    return layouts.wav(layouts.samples(seed, rate // 2), rate, "MP3")


@pytest.fixture
def source(tmp_path):
    clips = {f"common_voice_zh-HK_{k}.mp3": mp3(k) for k in range(3)}
    names = list(clips)
    rows = [layouts.common_voice_row(name, client, "zh-HK") for name, client in zip(names, ("a1", "b2", "b2"))]
    rows[2] = layouts.common_voice_row(
        names[2], "b2", "zh-HK", gender="male", age="", accents="Hong Kong, x", up_votes="1"
    )
    root = layouts.common_voice(tmp_path, "zh-HK", {"train": rows[:1], "dev": [], "validated": rows}, clips)
    swedish = layouts.common_voice_row("c.mp3", "c3", "sv-SE")
    return layouts.common_voice(root, "sv-SE", {"train": [swedish]}, {"c.mp3": mp3(9)})


def test_speakers_labels_and_languages(open_corpus, read_all, source) -> None:
    utterances, problems = read_all(open_corpus("common_voice"), source)
    assert not problems
    speaker = ("a1" * 64)[:20]
    one = utterances[f"{speaker}-common_voice_zh-HK_0"]
    assert one.speaker == speaker and one.text == 'Ein "Satz".'
    assert one.labels == {"lang": "yue", "locale": "zh-HK", "gender": "female", "age": "twenties"}
    assert [u.labels["lang"] for u in utterances.values()] == ["swe", "yue"]


def test_any_tsv_and_votes(open_corpus, read_all, source) -> None:
    utterances, _ = read_all(open_corpus("common_voice", "splits=[validated]"), source)
    assert len(utterances) == 3
    third = utterances[f"{('b2' * 64)[:20]}-common_voice_zh-HK_2"]
    assert third.labels == {"lang": "yue", "locale": "zh-HK", "gender": "male", "accent": "Hong Kong, x"}
    utterances, problems = read_all(open_corpus("common_voice", "splits=[validated]", "min_votes=2"), source)
    assert len(utterances) == 2 and [p.reason for p in problems] == ["fewer votes than min_votes: '1'"]


def test_the_release_the_folder_above_and_a_locale_can_be_given(open_corpus, source) -> None:
    release = source / "cv-corpus-17.0-2024-03-15"
    above, here = open_corpus("common_voice").parts(source), open_corpus("common_voice").parts(release)
    assert above == here
    assert open_corpus("common_voice").parts(release / "sv-SE") == [p for p in here if p.source.name == "sv-SE"]
    (source / "cv-corpus-16.1-2023-12-06").mkdir()
    with pytest.raises(CorpusError, match="2 releases"):
        open_corpus("common_voice").parts(source)


def test_old_headers_and_bad_lines(open_corpus, read_all, source) -> None:
    path = source / "cv-corpus-17.0-2024-03-15" / "sv-SE" / "train.tsv"
    client = "d4" * 64
    lines = ["client_id\tpath\tsentence\tup_votes\tdown_votes\tage\tgender\taccent"]
    lines += [f"{client}\tc\thej\t2\t0\t\t\tskåne", f"{client}\tc.mp3", f"{client}\t../c.mp3\tx\t2\t0\t\t\t"]
    lines += ["no client\tc.mp3\tx\t2\t0\t\t\t", ""]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    utterances, problems = read_all(open_corpus("common_voice", "languages=[sv-SE]"), source)
    (one,) = utterances.values()
    assert one.audio.name == "c.mp3" and one.labels == {"lang": "swe", "locale": "sv-SE", "accent": "skåne"}
    assert [p.reason.partition(":")[0] for p in problems] == [
        "wrong number of columns",
        "bad file name",
        "bad client_id",
    ]
    path.write_text("client_id\tpath\n", encoding="utf-8")
    _, problems = read_all(open_corpus("common_voice", "languages=[sv-SE]"), source)
    assert [p.reason for p in problems] == ["wrong header: no single column sentence"]


def test_long_tables_are_dealt_out(open_corpus, read_all, source, monkeypatch) -> None:
    monkeypatch.setattr("masr.corpora.common_voice.ROWS_PER_PART", 2)
    corpus = open_corpus("common_voice", "splits=[validated]")
    assert [part.name for part in corpus.parts(source)] == ["zh-HK.00000", "zh-HK.00001"]
    assert len(read_all(corpus, source)[0]) == 3


def test_clips_at_48_khz_are_resampled_where_that_is_asked_for(source, tmp_path, capsys) -> None:
    clip = source / "cv-corpus-17.0-2024-03-15" / "sv-SE" / "clips" / "c.mp3"
    clip.write_bytes(mp3(1, 48000))
    out = str(tmp_path / "data")
    given = ["prepare", "common_voice", str(source), out, "--set", "languages=[sv-SE]"]
    assert main(given) == 2
    assert "--resample" in capsys.readouterr().err
    assert main([*given, "--resample"]) == 0
    data = DataDir.open(tmp_path / "data" / "train")
    assert float(next(iter(data.table("utt2dur").values()))) == pytest.approx(0.5, abs=0.01)
