"""Parquet files of the Hugging Face Hub: columns by their names, classes, splits, damage."""

from __future__ import annotations

import sys

import pytest

from masr.cli.main import main
from masr.corpora.prepare import prepare
from masr.errors import CorpusError, MissingPackageError
from masr.io.datadir import DataDir
from reference import corpus_layouts as layouts


def test_without_pyarrow_the_extra_is_named(open_corpus, tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingPackageError) as caught:
        open_corpus("parquet").parts(tmp_path)
    assert "[parquet]" in caught.value.fix


@pytest.fixture
def source(tmp_path):
    pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install -c constraints.txt -e '.[parquet]'")
    rows = [layouts.ml_superb_2(f"cv_eng_{k:06d}", layouts.wav(layouts.samples(k))) for k in range(40)]
    layouts.parquet(tmp_path / "set" / "data" / "train-00000-of-00002.parquet", rows[:30])
    layouts.parquet(tmp_path / "set" / "data" / "train-00001-of-00002.parquet", rows[30:38])
    layouts.parquet(tmp_path / "set" / "data" / "dev-00000-of-00001.parquet", rows[38:])
    return tmp_path / "set"


def test_ml_superb_2(open_corpus, read_all, source, tmp_path) -> None:
    summaries = prepare(open_corpus("parquet"), source, tmp_path / "data", max_bad=0)
    assert [(s.split, s.num_utterances) for s in summaries] == [("train", 38), ("dev", 2)]
    utterances, problems = read_all(open_corpus("parquet"), source)
    assert not problems and len(utterances) == 40
    one = utterances["cv_eng_000031"]
    assert one.text == "HELLO" and one.labels == {"lang": "eng"} and one.audio == layouts.wav(layouts.samples(31))
    assert not [p for p in source.rglob("*") if p.is_file() and p.suffix != ".parquet"]


def test_fleurs_as_the_hub_has_it(open_corpus, read_all, tmp_path) -> None:
    """The sentence's id is in several rows, so the audio's path names an utterance; classes come as their names."""
    pytest.importorskip("pyarrow")
    features = {
        "gender": {"names": ["male", "female", "other"], "_type": "ClassLabel"},
        "lang_id": {"names": ["af_za", "hi_in"], "_type": "ClassLabel"},
    }
    rows = [
        {
            "id": 7,
            "num_samples": 8000,
            "path": "/elsewhere/x/a.wav",
            "audio": {"bytes": layouts.wav(layouts.samples(k)), "path": f"train/{100 + k}.wav"},
            "transcription": "ein satz",
            "raw_transcription": 'Ein "Satz".',
            "gender": k,
            "lang_id": 1,
            "nothing": None,
        }
        for k in range(2)
    ]
    layouts.parquet(tmp_path / "hi_in" / "train" / "0000.parquet", rows, features)
    layouts.parquet(tmp_path / "hi_in" / "validation" / "0000.parquet", rows[:1], features)
    corpus = open_corpus("parquet")
    assert [part.split for part in corpus.parts(tmp_path)] == ["train", "dev"]
    items = list(corpus.read(corpus.parts(tmp_path)[0]))
    assert [item.utt for item in items] == ["100", "101"] and items[0].text == "ein satz"
    assert items[0].labels["lang"] == "hin" and [item.labels["gender"] for item in items] == ["male", "female"]
    assert items[0].labels["id"] == "7" and not {"path", "nothing"} & set(items[0].labels)
    asked = open_corpus("parquet", "text=raw_transcription", "labels=[gender, id]", "id=num_samples")
    items = list(asked.read(corpus.parts(tmp_path)[0]))
    assert items[0].utt == "8000" and items[0].text == 'Ein "Satz".'
    assert items[0].labels == {"lang": "hin", "gender": "male", "id": "7"}


def test_common_voice_rows_have_speakers(open_corpus, tmp_path) -> None:
    pytest.importorskip("pyarrow")
    row = {"client_id": "ab-cd", "path": "c.mp3", "sentence": "x", "up_votes": 2, "locale": "zh-HK", "gender": ""}
    row |= {"audio": {"bytes": layouts.wav(layouts.samples()), "path": "clip-1.mp3"}}
    layouts.parquet(tmp_path / "validated-00000-of-00001.parquet", [row])
    corpus = open_corpus("parquet")
    (part,) = corpus.parts(tmp_path)
    (item,) = corpus.read(part)
    assert part.split == "validated" and item.utt == "ab_cd-clip-1" and item.speaker == "ab_cd"
    assert item.labels == {"lang": "yue", "up_votes": "2"} and item.text == "x"


def test_rows_without_audio_are_counted(open_corpus, read_all, tmp_path) -> None:
    pytest.importorskip("pyarrow")
    rows = [layouts.ml_superb_2("a", layouts.wav(layouts.samples())), layouts.ml_superb_2("b", b"")]
    rows.append({**rows[0], "id": "c", "audio": {"bytes": None, "path": "elsewhere.wav"}})
    rows.append({**rows[0], "id": "d", "audio": None})
    layouts.parquet(tmp_path / "train.parquet", rows)
    utterances, problems = read_all(open_corpus("parquet"), tmp_path)
    assert sorted(utterances) == ["a", "b"]
    assert [p.reason for p in problems] == ["no audio in the file: 'elsewhere.wav' is only named", "no audio"]


def test_few_rows_are_in_memory_at_a_time(open_corpus, source, monkeypatch) -> None:
    import pyarrow.parquet as pq

    sizes = []
    original = pq.ParquetFile.iter_batches

    def noted(self, *args, **kwargs):
        for batch in original(self, *args, **kwargs):
            sizes.append(batch.num_rows)
            yield batch

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", noted)
    corpus = open_corpus("parquet")
    assert len(list(corpus.read(corpus.parts(source)[0]))) == 30
    assert max(sizes) == 16


@pytest.mark.parametrize("damage", ["cut", "head", "middle"])
def test_damaged_files_are_said_and_others_are_read(open_corpus, source, tmp_path, damage) -> None:
    path = source / "data" / "train-00000-of-00002.parquet"
    content = path.read_bytes()
    at = len(content) // 2
    broken = {"cut": content[:at], "head": b"", "middle": content[:40] + bytes(len(content) - 4000) + content[-3960:]}
    path.write_bytes(broken[damage])
    (train, dev) = prepare(open_corpus("parquet"), source, tmp_path / "data")
    assert train.num_utterances == 8 and dev.num_utterances == 2
    assert set(train.problems) == {"damaged archive"}
    assert len(DataDir.open(tmp_path / "data" / "train")) == 8


def test_columns_that_are_not_there_get_the_near_ones(open_corpus, source, tmp_path) -> None:
    with pytest.raises(CorpusError, match="no column 'txt'") as caught:
        open_corpus("parquet", "text=txt").parts(source)
    assert "text" in caught.value.fix
    layouts.parquet(tmp_path / "other" / "train.parquet", [{"a": 1}])
    with pytest.raises(CorpusError, match="no column holds audio: a"):
        open_corpus("parquet").parts(tmp_path / "other")
    with pytest.raises(CorpusError, match=r"no \.parquet file") as caught:
        open_corpus("parquet").parts(tmp_path / "nothing")
    assert caught.value.fix.startswith("hf download --repo-type dataset NAME")


AUDIO = {"bytes": layouts.wav(layouts.samples()), "path": "a.wav"}
LABEL = {"names": ["eng", "hin"], "_type": "ClassLabel"}
UNFIT = [
    ({"audio": {"bytes": "text", "path": "a.wav"}}, (), "no column holds audio: audio (struct<bytes: string"),
    ({"audio": {"bytes": [1, 2], "path": "a.wav"}}, (), "no column holds audio: audio (struct<bytes: list"),
    ({"audio": {"bytes": b"x", "path": 7}}, (), "no column holds audio: audio (struct<bytes: binary, path: int64"),
    ({"audio": AUDIO, "clip": b"x"}, ("audio=clip",), "no column holds audio: clip (binary)"),
    ({"audio": AUDIO, "text": 7}, (), "the column 'text' is int64, and text is text"),
    ({"audio": AUDIO, "text": ["a", "b"]}, (), "the column 'text' is list<"),
    ({"audio": AUDIO, "rate": 7}, ("text=rate",), "the column 'rate' is int64, and text is text"),
    ({"audio": AUDIO, "language": 0.5}, (), "the column 'language' is double, and language is text or whole numbers"),
    ({"audio": AUDIO, "speaker_id": 12.0}, (), "the column 'speaker_id' is double, and speaker is text or"),
    ({"audio": AUDIO, "vector": [0.1]}, ("labels=[vector]",), "the column 'vector' is list<"),
    ({"audio": AUDIO, "id": [1]}, ("id=id",), "the column 'id' is list<"),
    ({"audio": AUDIO, "nameless": 1}, ("language=nameless",), "the column 'nameless' is a ClassLabel without names"),
]


@pytest.mark.parametrize(("row", "options", "reason"), UNFIT)
def test_columns_of_other_types_are_refused_by_name(open_corpus, tmp_path, row, options, reason) -> None:
    pytest.importorskip("pyarrow")
    layouts.parquet(tmp_path / "train.parquet", [row], {"nameless": {"names": "ab", "_type": "ClassLabel"}})
    with pytest.raises(CorpusError) as caught:
        open_corpus("parquet", *options).parts(tmp_path)
    assert reason in caught.value.what and "--set" in caught.value.fix


def test_a_name_that_fits_goes_before_one_that_does_not(open_corpus, tmp_path) -> None:
    pytest.importorskip("pyarrow")
    row = {"audio": AUDIO, "text": [1, 2], "sentence": "said", "language": 0.5, "lang_id": 1}
    features = {"lang_id": LABEL, "words": [{"word": {"_type": "Value"}}]}
    layouts.parquet(tmp_path / "train.parquet", [row], features)
    corpus = open_corpus("parquet")
    (item,) = corpus.read(corpus.parts(tmp_path)[0])
    assert item.text == "said" and item.labels["lang"] == "hin"


def test_categories_of_pandas_are_what_they_stand_for(open_corpus, tmp_path) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    languages = pa.array(["hin", "eng"]).dictionary_encode()
    pq.write_table(pa.table({"audio": [AUDIO, AUDIO], "language": languages}), tmp_path / "train.parquet")
    corpus = open_corpus("parquet")
    assert [item.labels["lang"] for item in corpus.read(corpus.parts(tmp_path)[0])] == ["hin", "eng"]


def test_a_class_without_a_name_is_a_problem_and_none_is_none(open_corpus, read_all, tmp_path) -> None:
    pytest.importorskip("pyarrow")
    rows = [{"audio": {**AUDIO, "path": f"{k}.wav"}, "lang_id": k} for k in (-1, 0, 1, 2)]
    layouts.parquet(tmp_path / "train.parquet", rows, {"lang_id": LABEL})
    utterances, problems = read_all(open_corpus("parquet"), tmp_path)
    assert [one.labels.get("lang") for one in utterances.values()] == [None, "eng", "hin"]
    assert [one.reason for one in problems] == ["no name for a class: 2 of 'lang_id', which has 2"]


def test_masr_corpus_counts_without_reading_audio(source, capsys) -> None:
    assert main(["corpus", "parquet", str(source)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3] == ["train", "train-00000-of-00002.parquet", "30"]
    assert "audio" in lines[1]
