from __future__ import annotations

import pytest

from masr.corpora.prepare import prepare
from masr.corpora.textgrid import read_textgrid
from masr.errors import CorpusError
from masr.io.datadir import DataDir
from masr.types import Span
from reference import corpus_layouts as layouts


@pytest.fixture
def flac() -> bytes:
    return layouts.wav(layouts.samples(), kind="FLAC")


def test_what_the_release_says(open_corpus, read_all, tmp_path, flac) -> None:
    layouts.librispeech(tmp_path, {"84-121123-0000": flac, "174-50561-0000": flac})
    utterances, problems = read_all(open_corpus("librispeech"), tmp_path)
    assert problems == []
    found = utterances["84-121123-0000"]
    assert found.speaker == "84-121123"
    assert found.text == "HELLO WORLD"
    assert found.labels == {
        "lang": "eng",
        "reader": "84",
        "chapter": "121123",
        "gender": "female",
        "name": "Christie Nowak",
        "book": "1184",
    }
    assert utterances["174-50561-0000"].labels["gender"] == "male"
    assert utterances["174-50561-0000"].labels["name"] == "Peter | Eastman"
    by_reader, _ = read_all(open_corpus("librispeech", "speaker=reader"), tmp_path)
    assert by_reader["84-121123-0000"].speaker == "84"


def test_splits_are_what_is_on_disk(open_corpus, tmp_path, flac) -> None:
    for split in ("train-clean-100", "test-other"):
        layouts.librispeech(tmp_path, {"84-121123-0000": flac}, split)
    (tmp_path / "LibriSpeech" / "other").mkdir()
    corpus = open_corpus("librispeech")
    assert [part.split for part in corpus.parts(tmp_path)] == ["test_other", "train_clean_100"]
    assert corpus.parts(tmp_path / "LibriSpeech") == corpus.parts(tmp_path)
    assert [p.split for p in open_corpus("librispeech", "splits=[test-other]").parts(tmp_path)] == ["test_other"]
    with pytest.raises(CorpusError, match="test-othr") as caught:
        open_corpus("librispeech", "splits=[test-othr]").parts(tmp_path)
    assert "test-other" in caught.value.why


def test_orphans_duplicates_and_misplaced_files(open_corpus, read_all, tmp_path, flac) -> None:
    names = ("84-121123-0000", "84-121123-0001")
    texts = {"84-121123-0000": "A B", "84-121123-0002": "C"}
    layouts.librispeech(tmp_path, dict.fromkeys(names, flac), texts=texts)
    folder = tmp_path / "LibriSpeech/dev-clean/84/121123"
    with (folder / "84-121123.trans.txt").open("a") as stream:
        stream.write("84-121123-0000 AGAIN\n85-1-0000 WRONG\n84-121123-0003\n")
    (folder / "85-1-0000.flac").write_bytes(flac)
    utterances, problems = read_all(open_corpus("librispeech"), tmp_path)
    assert list(utterances) == ["84-121123-0000"]
    assert utterances["84-121123-0000"].text == "A B"
    assert sorted(p.reason.partition(":")[0] for p in problems) == [
        "audio without transcript",
        "duplicate id",
        "empty transcript",
        "misplaced",
        "transcript without audio",
    ]


@pytest.mark.parametrize("place", ["alignments", "LibriSpeech-Alignments/LibriSpeech", "LibriSpeech", "elsewhere"])
def test_alignments_become_phones_and_words(open_corpus, tmp_path, flac, place) -> None:
    layouts.librispeech(tmp_path, {"84-121123-0000": flac, "84-121123-0001": flac})
    grid = tmp_path / place / "dev-clean/84/121123/84-121123-0000.TextGrid"
    grid.parent.mkdir(parents=True, exist_ok=True)
    grid.write_text(layouts.textgrid([(0, 0.1, ""), (0.1, 0.25, "HH"), (0.25, 0.51, "AH0")], 0.51), encoding="utf-8")
    overrides = [f"alignments={tmp_path / place}"] if place == "elsewhere" else []
    prepare(open_corpus("librispeech", *overrides), tmp_path, tmp_path / "data")
    lines = (tmp_path / "data/dev_clean/phones.ctm").read_text().splitlines()
    assert lines == [
        "84-121123-0000 1 0 0.1 sil",
        "84-121123-0000 1 0.1 0.15 HH",
        "84-121123-0000 1 0.25 0.25 AH0",
    ]
    assert (tmp_path / "data/dev_clean/words.ctm").read_text() == '84-121123-0000 1 0 0.5 say_"x"\n'
    assert len(DataDir.open(tmp_path / "data/dev_clean")) == 2


def test_a_broken_alignment_leaves_its_utterance_out(open_corpus, read_all, tmp_path, flac) -> None:
    layouts.librispeech(tmp_path, {"84-121123-0000": flac})
    (tmp_path / "LibriSpeech/dev-clean/84/121123/84-121123-0000.TextGrid").write_text("nothing")
    utterances, problems = read_all(open_corpus("librispeech"), tmp_path)
    assert not utterances
    assert problems[0].reason.startswith("bad alignment")


SHORT = '''File type = "ooTextFile"
Object class = "TextGrid"

0
1.5
<exists>
1
"IntervalTier"
"phones"
0
1.5
2
0
0.5
"a ""b"""
0.5
1.5
""
'''


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_both_forms_and_every_encoding_of_a_textgrid(tmp_path, encoding) -> None:
    path = tmp_path / "x.TextGrid"
    path.write_text(SHORT, encoding=encoding)
    assert read_textgrid(path) == {"phones": (Span('a "b"', 0.0, 0.5), Span("", 0.5, 1.5))}
    path.write_text(layouts.textgrid([(0, 0.5, 'a "b"'), (0.5, 1.5, "ʃ")], 1.5), encoding=encoding)
    assert read_textgrid(path) == {
        "words": (Span('say "x"', 0.0, 1.5),),
        "phones": (Span('a "b"', 0.0, 0.5), Span("ʃ", 0.5, 1.5)),
    }


@pytest.mark.parametrize("keep", range(0, len(SHORT) - 4, 17))
def test_a_textgrid_cut_anywhere_is_an_error_and_no_crash(tmp_path, keep) -> None:
    (tmp_path / "x.TextGrid").write_text(SHORT[:keep])
    with pytest.raises(CorpusError, match="not a TextGrid"):
        read_textgrid(tmp_path / "x.TextGrid")


@pytest.mark.parametrize("place", ["xmin = 0.1", "xmax = 0.25"])
def test_a_textgrid_with_a_time_without_end_is_refused(place, tmp_path) -> None:
    path = tmp_path / "x.TextGrid"
    text = layouts.textgrid([(0, 0.1, ""), (0.1, 0.25, "HH")], 0.51)
    path.write_text(text.replace(place + "\n", place.split("=")[0] + "= 1e999\n"), encoding="utf-8")
    with pytest.raises(CorpusError, match="1e999 is no time"):
        read_textgrid(path)
