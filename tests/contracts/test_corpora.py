"""Whatever masr/corpora/ offers as a plug-in keeps the promises of masr.types.Corpus."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from masr.config import defaults, dump, loads
from masr.corpora.check import check
from masr.corpora.prepare import prepare
from masr.errors import CorpusError
from masr.io.audio import read_audio
from masr.io.datadir import DataDir
from masr.io.datadir.validate import Checks, validate
from masr.plugins import names, open_plugin
from masr.types import Corpus, Problem, Utterance
from reference import corpus_layouts as layouts

CORPORA = names("corpora")


def corpus_of(name: str) -> Corpus:
    module = open_plugin("corpora", name)
    return module.build(defaults(module.Config))


def test_every_corpus_is_there() -> None:
    assert set(CORPORA) >= {"fleurs", "debian", "dhwani", "librispeech", "pangloss", "lhotse"}
    assert set(CORPORA) >= {"voxlingua107", "ml_superb", "common_voice", "parquet", "folder", "webdataset", "shar"}


@pytest.fixture(params=CORPORA)
def name(request) -> str:
    if request.param == "parquet":
        pytest.importorskip(
            "pyarrow", reason="pyarrow is not installed: pip install -c constraints.txt -e '.[parquet]'"
        )
    return request.param


@pytest.fixture
def source(name, tmp_path) -> Path:
    return layouts.build(name, tmp_path)


def test_protocol_and_config(name) -> None:
    module = open_plugin("corpora", name)
    assert isinstance(corpus_of(name), Corpus)
    config = defaults(module.Config)
    assert loads(module.Config, dump(config, docs=True)) == config


def test_parts_are_the_same_twice_and_safe(name, source) -> None:
    parts = corpus_of(name).parts(source)
    assert parts
    assert parts == corpus_of(name).parts(source)
    keys = [(part.split, part.name) for part in parts]
    assert len(set(keys)) == len(keys)
    for split, part in keys:
        assert not set(split + part) & set("/ \t\n\\:")


def test_reading_twice_gives_equal_utterances_in_any_process(name, source) -> None:
    corpus = corpus_of(name)
    for part in corpus.parts(source):
        first = list(corpus.read(part))
        assert first == list(corpus.read(part))
        sent_part, sent_corpus = pickle.loads(pickle.dumps((part, corpus)))  # noqa: S301 (made here)
        assert first == list(sent_corpus.read(sent_part))
        assert all(isinstance(item, Utterance | Problem) for item in first)


def test_a_sound_corpus_has_no_problems_and_makes_sound_directories(name, source, tmp_path) -> None:
    summaries = prepare(corpus_of(name), source, tmp_path / "data", max_bad=0)
    assert sum(s.num_utterances for s in summaries)
    for summary in summaries:
        folder = tmp_path / "data" / summary.split
        report = validate(folder, Checks(text=name not in ("dhwani", "pangloss", "voxlingua107")))
        assert report.findings == []
        data = DataDir.open(folder)
        assert len(data) == summary.num_utterances
        for utt, speaker in data.table("utt2spk").items():
            assert utt.startswith(speaker)
        for entry in data.table("wav.scp").values():
            assert len(read_audio(entry))


def test_two_processes_write_what_one_does(name, source, tmp_path) -> None:
    prepare(corpus_of(name), source, tmp_path / "one")
    one = contents(tmp_path / "one")
    prepare(corpus_of(name), source, tmp_path / "two", num_jobs=2)
    assert one == contents(tmp_path / "two")
    assert any(path.name == "wav.scp" for path in one)


def contents(folder: Path) -> dict[Path, bytes]:
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != "provenance.json"]
    return {p.relative_to(folder): p.read_bytes().replace(str(folder).encode(), b"OUT") for p in files}


def test_all_audio_can_be_kept_as_shards(name, source, tmp_path) -> None:
    summaries = prepare(corpus_of(name), source, tmp_path / "data", shards=True)
    for summary in summaries:
        for entry in DataDir.open(tmp_path / "data" / summary.split).table("wav.scp").values():
            assert ".ark:" in entry
            assert len(read_audio(entry)) == 8000


@pytest.mark.parametrize("problem", layouts.bad_audio())
def test_bad_audio_is_left_out_and_listed(name, problem, tmp_path) -> None:
    kind = "FLAC" if name == "librispeech" else "WAV"
    bad = layouts.bad_audio(kind).get(problem)
    if bad is None:
        pytest.skip("not in this format")
    source = layouts.build(name, tmp_path, {problem: bad})
    summaries = prepare(corpus_of(name), source, tmp_path / "data", max_bad=1)
    found = sum((s.problems for s in summaries), start=type(summaries[0].problems)())
    accepted = {problem.strip(), "truncated or damaged" if problem == "truncated" else problem.strip()}
    if name == "fleurs" and problem in ("too short", "empty "):
        accepted.add("wrong number of samples")
    if problem == "too short" and name in ("pangloss", "lhotse"):
        accepted |= {"segment ends after its recording"}
    assert set(found)
    assert set(found) <= accepted
    lines = [line for s in summaries for line in lines_of(tmp_path / "data" / s.split / "problems.tsv")]
    assert len(lines) == found.total()
    for line in lines:
        where, reason = line.split("\t")
        assert where
        assert reason


def lines_of(path: Path) -> list[str]:
    head, *lines = path.read_text(encoding="utf-8").splitlines()
    assert head == "where\treason"
    return lines


def test_more_bad_than_allowed_stops_with_the_commonest_reasons(name, tmp_path) -> None:
    kind = "FLAC" if name == "librispeech" else "WAV"
    source = layouts.build(name, tmp_path, {"truncated": layouts.bad_audio(kind)["truncated"]})
    with pytest.raises(CorpusError, match=r"--max-bad 0\.01") as caught:
        prepare(corpus_of(name), source, tmp_path / "data", max_bad=0.01)
    assert "truncated" in caught.value.why
    listed = list((tmp_path / "data").glob("*.problems.tsv"))
    assert len(listed) == 1
    assert str(listed[0]) in caught.value.fix
    split = listed[0].name.removesuffix(".problems.tsv")
    assert not (tmp_path / "data" / split).exists()
    prepare(corpus_of(name), source, tmp_path / "data", max_bad=1)
    assert not listed[0].exists()


def test_nothing_there_says_what_was_looked_for(name, tmp_path) -> None:
    (tmp_path / "other stuff.txt").write_text("x")
    for source in (tmp_path, tmp_path / "none"):
        with pytest.raises(CorpusError) as caught:
            prepare(corpus_of(name), source, tmp_path / "data")
        assert "looked for" in caught.value.why
        assert caught.value.fix
        with pytest.raises(CorpusError):
            check(corpus_of(name), source)


def test_the_sidecar_speaks_for_every_corpus(name, source, tmp_path) -> None:
    corpus = corpus_of(name)
    stems = {
        item.audio.stem if isinstance(item.audio, Path) else Path(item.member).stem
        for part in corpus.parts(source)
        for item in corpus.read(part)
    }
    rows = [f"{stem}\tAn na\t52.5 13.4\thill\n" for stem in sorted(stems)]
    (source / "metadata.tsv").write_text("file\tspeaker\tloc\taccent\r\n" + "".join(rows), encoding="utf-8")
    for summary in prepare(corpus, source, tmp_path / "data"):
        data = DataDir.open(tmp_path / "data" / summary.split)
        assert set(data.table("utt2spk").values()) == {"An_na"}
        assert all(utt.startswith("An_na-") for utt in data.utts)
        assert set(data.labels("loc").values()) == {"52.5 13.4"}
        assert set(data.labels("accent").values()) == {"hill"}
    assert "metadata.tsv" in check(corpus, source)


def test_the_check_counts_without_reading_audio(name, source) -> None:
    table = check(corpus_of(name), source)
    assert len(table.splitlines()) >= 2
