"""WebDataset's shards: read where they lie, here and on another machine; what is wrong with one is a line."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from masr.config import defaults, loads
from masr.corpora.prepare import prepare
from masr.corpora.webdataset import Config, build
from masr.data.samples import Samples
from masr.errors import ArchiveError, CorpusError
from masr.io import elsewhere
from masr.io.datadir import DataDir
from masr.io.datadir.validate import Checks, validate
from masr.types import Problem, Utterance
from reference import corpus_layouts as layouts
from small.served import served

WAV = layouts.wav(layouts.samples(1))


def read(source: Path, **settings: object) -> list[Utterance | Problem]:
    corpus = build(loads(Config, json.dumps(settings)) if settings else defaults(Config))
    return [item for part in corpus.parts(source) for item in corpus.read(part)]


def problems(source: Path) -> dict[str, str]:
    return {item.where: item.reason for item in read(source) if isinstance(item, Problem)}


def test_audio_is_not_copied_and_every_field_is_a_label(tmp_path: Path) -> None:
    source = layouts.build("webdataset", tmp_path)
    prepare(build(defaults(Config)), source, tmp_path / "data", 0.0, 1)
    for split, count in (("dev", 1), ("train", 3)):
        data = DataDir.open(tmp_path / "data" / split)
        assert len(data) == count
        shard = source / f"{split}-000000.tar"
        entries = (tmp_path / "data" / split / "wav.scp").read_text().splitlines()
        assert all(f" {shard}:" in line and "+" in line for line in entries)
        assert not list((tmp_path / "data" / split).rglob("*.ark"))
        assert {data.table(name)[utt] for utt in data.utts for name in ("utt2lang", "utt2age")} == {"eng", "30"}
        assert validate(data.folder, Checks(audio=True)).total == 0
    train = DataDir.open(tmp_path / "data" / "train")
    expected = layouts.samples(0)[100:500] / 32768
    assert np.allclose(Samples(train, 16000).read(0, 100, 400), expected, atol=1e-4)


def test_shards_on_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Listed by address, never copied: preparation streams each once, a training fetches an utterance by a request."""
    here = layouts.build("webdataset", tmp_path)
    source = tmp_path / "listed"
    source.mkdir()
    with served(here) as (address, asked):
        names = [f"{address}{name}" for name in ("dev-000000.tar", "train-000000.tar")]
        (source / "shards.txt").write_text("# ours\n" + "\n".join(names) + "\n")
        with pytest.raises(CorpusError, match="nothing may be read") as caught:
            prepare(build(defaults(Config)), source, tmp_path / "refused", 0.0, 1)
        assert elsewhere.ALLOWED in caught.value.fix
        monkeypatch.setenv(elsewhere.ALLOWED, address)
        prepare(build(defaults(Config)), source, tmp_path / "far", 0.0, 1)
        prepare(build(defaults(Config)), here, tmp_path / "near", 0.0, 1)
        far, near = (DataDir.open(tmp_path / name / "train") for name in ("far", "near"))
        assert list(far.utts) == list(near.utts)
        assert (far.folder / "wav.scp").read_text().count(address) == 3
        asked.clear()
        assert np.array_equal(Samples(far, 16000).read(2, 50, 200), Samples(near, 16000).read(2, 50, 200))
        assert len(asked) == 1 and "bytes=" in asked[0]
        assert validate(far.folder, Checks(audio=True)).total == 0
        monkeypatch.delenv(elsewhere.ALLOWED)
        assert validate(far.folder, Checks(audio=True)).total == 3  # nothing is fetched, and nothing is said to be good


def test_compressed_shards_are_copied_as_archives_are(tmp_path: Path) -> None:
    source = layouts.build("webdataset", tmp_path)
    shard = source / "train-000000.tar"
    (source / "train-000000.tar.gz").write_bytes(gzip.compress(shard.read_bytes()))
    shard.unlink()
    prepare(build(defaults(Config)), source, tmp_path / "data", 0.0, 1)
    assert (tmp_path / "data" / "train" / "wav.scp").read_text().count(".ark:") == 3


def test_what_is_wrong_with_a_sample_is_a_line(tmp_path: Path) -> None:
    files = {
        "a.txt": b"no audio",
        "b.wav": WAV,
        "b.flac": WAV,
        "c.wav": WAV,
        "c.json": b"[1]",
        "d.wav": WAV,
        "d.json": b"{",
        "e.txt": b"\xff",
        "e.wav": WAV,
        "f.seg.npy": b"\x93NUMPY",
        "f.wav": WAV,
        "g.seg.wav": WAV,
    }
    layouts.webdataset(tmp_path / "x.tar", files)
    found = problems(tmp_path)
    assert found["x.tar:a"] == "sample without audio"
    assert found["x.tar:g.seg.wav"] == "of the kind .seg.wav: a sample's name has no dot"
    assert found["x.tar:b.flac"] == "the second audio of its sample: kept the first"
    assert {name for name in found if "cannot be read" in found[name]} == {
        "x.tar:c.json",
        "x.tar:d.json",
        "x.tar:e.txt",
    }
    assert {item.utt for item in read(tmp_path) if isinstance(item, Utterance)} == {f"x-{name}" for name in "bcdef"}


@pytest.mark.parametrize("name", ["../a.wav", "/a.wav", "a/../../b.json"])
def test_a_name_that_leaves_the_folder_is_refused(name: str, tmp_path: Path) -> None:
    layouts.webdataset(tmp_path / "x.tar", {name: WAV})
    with pytest.raises(ArchiveError, match="would leave the folder"):
        read(tmp_path)


def test_a_cut_shard_gives_what_was_whole_and_says_so(tmp_path: Path) -> None:
    shard = layouts.webdataset(tmp_path / "x.tar", {"a.wav": WAV, "b.wav": WAV})
    shard.write_bytes(shard.read_bytes()[: len(WAV) + 3000])
    found = read(tmp_path)
    assert [item.utt for item in found if isinstance(item, Utterance)] == ["x-a"]
    assert "damaged archive" in problems(tmp_path)["x.tar"]


def test_labels_beside_json_and_splits_by_name(tmp_path: Path) -> None:
    said = {"language": "hin", "speaker_id": "anna", "gender": "f", "nested": {"a": 1}, "x": 1.5, "kept": True}
    files = {
        "k/1.wav": WAV,
        "k/1.json": json.dumps(said).encode(),
        "k/1.txt": "एक\n".encode(),
        "k/1.lang": b"urd",
        "k/1.cls": b"7",
    }
    layouts.webdataset(tmp_path / "validation" / "0.tar", files)
    layouts.webdataset(tmp_path / "other.tar", {"1.wav": WAV})
    first, second = (item for item in read(tmp_path) if isinstance(item, Utterance))
    assert (second.utt, second.speaker, second.text) == ("anna-0-k_1", "anna", "एक")
    assert second.labels == {"lang": "hin", "gender": "f", "kept": "True", "cls": "7"}
    corpus = build(defaults(Config))
    assert [part.split for part in corpus.parts(tmp_path)] == ["train", "dev"]
    assert first.utt == "other-1"
    with pytest.raises(CorpusError, match="has no test"):
        read(tmp_path, splits=["test"])


@pytest.mark.parametrize("line", ["a.zip", "https://x/y.tar.lz", "a.tar\na.tar"])
def test_a_list_that_names_no_shard_is_refused(line: str, tmp_path: Path) -> None:
    (tmp_path / "shards.txt").write_text(line + "\n")
    with pytest.raises(CorpusError, match=r"shards\.txt"):
        read(tmp_path)


def test_no_shard_at_all(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="holds no shard"):
        read(tmp_path)
    (tmp_path / "shards.txt").write_text("gone.tar\n")
    assert problems(tmp_path) == {"gone.tar": "no such shard"}


def test_a_folder_whose_name_no_table_can_hold_is_a_problem(tmp_path: Path) -> None:
    source = tmp_path / "two\nlines"
    layouts.webdataset(source / "x.tar", {"a.wav": WAV})
    with pytest.raises(CorpusError, match="1 of 1 utterances are bad") as caught:
        prepare(build(defaults(Config)), source, tmp_path / "data", 1.0, 1)
    assert "file name" in str(caught.value.why)


def test_a_hundred_thousand_shards_are_listed_at_once(tmp_path: Path) -> None:
    names = [f"https://x.org/{n}.tar" for n in range(100_000)]
    (tmp_path / "shards.txt").write_text("\n".join(names))
    assert len(build(defaults(Config)).parts(tmp_path)) == len(names)
