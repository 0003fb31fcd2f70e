"""Shar as lhotse itself writes it: the utterances are those of the cuts, and audio stays where it is."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from masr.config import defaults, loads
from masr.corpora import shar
from masr.corpora.prepare import prepare
from masr.errors import CorpusError
from masr.io.audio import read_audio
from masr.io.datadir import DataDir
from masr.types import Problem, Utterance
from reference import corpus_layouts as layouts

CORPUS = shar.build(defaults(shar.Config))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five recordings of lhotse's own, three to a shard."""
    lhotse = pytest.importorskip("lhotse")
    folder = tmp_path_factory.mktemp("lhotse")
    cuts = []
    for i in range(5):
        path = folder / f"r{i}.wav"
        soundfile.write(path, layouts.samples(i), 16000, subtype="PCM_16")
        said: dict[str, Any] = {
            "text": f"said {i}",
            "language": "German",
            "speaker": f"p{i % 2}",
            "custom": {"place": "x"},
        }
        recording = lhotse.Recording.from_file(path)
        cut = recording.to_cut()
        halves = [(0.0, recording.duration)] if i != 1 else [(0.0, 0.2), (0.2, recording.duration - 0.2)]
        cut.supervisions = [
            lhotse.SupervisionSegment(f"s{i}{part}", recording.id, start, length, **said)
            for part, (start, length) in enumerate(halves)
        ]
        cuts.append(cut)
    cuts[4].supervisions = []
    out = folder / "shards" / "train-1"
    out.mkdir(parents=True)
    lhotse.CutSet.from_cuts(cuts).to_shar(out, fields={"recording": "flac"}, shard_size=3)
    return out.parent


def read(source: Path) -> list[Utterance | Problem]:
    return [item for part in CORPUS.parts(source) for item in CORPUS.read(part)]


def test_what_lhotse_writes_is_read_where_it_lies(written: Path, tmp_path: Path) -> None:
    (summary,) = prepare(CORPUS, written, tmp_path / "data", max_bad=0)
    assert (summary.split, summary.num_utterances) == ("train", 6)
    data = DataDir.open(tmp_path / "data" / "train")
    assert dict(data.table("text").items())["p0-s20"] == "said 2"
    assert {data.table("utt2lang")[utt] for utt in data.table("utt2lang") if utt != "r4"} == {"deu"}
    entry = data.table("wav.scp")["p1-s30"]
    assert entry.startswith(f"{written}/train-1/recording.000001.tar:")
    assert np.array_equal(read_audio(entry) * 32768, layouts.samples(3))
    assert data.table("segments")["p1-s11"].split()[0] == "r1"


def test_cuts_and_audio_that_do_not_meet_are_told(tmp_path: Path) -> None:
    source = layouts.build("shar", tmp_path)
    cuts = source / "train" / "cuts.000000.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(cuts.read_bytes()).splitlines()]
    layouts.jsonl(cuts, [lines[0], {**lines[1], "id": "another"}, {**lines[2], "type": "MixedCut"}, lines[0]])
    reasons = [item.reason for item in read(source) if isinstance(item, Problem)]
    assert reasons == [
        "audio without a cut",
        "MixedCut: only cuts of one recording are read",
        "cut without audio",
        "cut without audio",
    ]
    (source / "dev" / "recording.000000.tar").unlink()
    assert any("no recording beside it" in item.reason for item in read(source) if isinstance(item, Problem))


def test_a_damaged_shard_gives_nothing_of_its_cuts(tmp_path: Path) -> None:
    source = layouts.build("shar", tmp_path)
    cuts = source / "train" / "cuts.000000.jsonl.gz"
    cuts.write_bytes(cuts.read_bytes()[:-9])
    *_, found = [item for part in CORPUS.parts(source) if part.split == "train" for item in CORPUS.read(part)]
    assert isinstance(found, Problem) and found.spoils_part and "damaged" in found.reason


def test_splits_are_chosen_by_name(tmp_path: Path) -> None:
    source = layouts.build("shar", tmp_path)
    dev = shar.build(loads(shar.Config, "splits: [dev]", "conf"))
    assert [part.split for part in dev.parts(source)] == ["dev"]
    with pytest.raises(CorpusError, match="has no test"):
        shar.build(loads(shar.Config, "splits: [test]", "conf")).parts(source)
    with pytest.raises(CorpusError, match="holds no Shar"):
        CORPUS.parts(tmp_path / "nothing")


def test_a_cut_that_was_read_too_early_is_found_later(tmp_path: Path) -> None:
    source = layouts.build("shar", tmp_path)
    cuts = source / "train" / "cuts.000000.jsonl.gz"
    lines = [json.loads(line) for line in gzip.decompress(cuts.read_bytes()).splitlines()]
    layouts.jsonl(cuts, lines[1:])  # the first audio has none: all are read in search of it
    found = [item for part in CORPUS.parts(source) if part.split == "train" for item in CORPUS.read(part)]
    assert [type(item) for item in found] == [Problem, Utterance, Utterance]
