from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from masr.corpora import part_job as part_module
from masr.corpora.check_utterance import UtteranceRow
from masr.corpora.merge import Split, number
from masr.corpora.prepare import prepare, table
from masr.errors import CorpusError, MasrError, UsageError
from masr.io.datadir import DataDir
from masr.io.datadir.validate import Checks, validate
from masr.types import Part, Problem, Utterance
from reference import corpus_layouts as layouts


@dataclass(frozen=True)
class Given:
    """A corpus of whatever a test says: part name -> what is in it."""

    items: dict[str, list[Utterance | Problem]]

    def parts(self, source: Path) -> list[Part]:
        return [Part("train", name, source) for name in self.items]

    def read(self, part: Part) -> Iterator[Utterance | Problem]:
        yield from self.items[part.name]


@pytest.fixture
def wav(tmp_path) -> Path:
    path = tmp_path / "x.wav"
    path.write_bytes(layouts.wav(layouts.samples()))
    return path


def utterance(utt: str, audio: Path | bytes, speaker: str | None = None, **more: object) -> Utterance:
    return Utterance(utt, utt if speaker is None else speaker, audio, **more)


def test_an_id_in_two_parts_is_found_at_the_merge(wav, tmp_path) -> None:
    corpus = Given({"a": [utterance("u", wav, text="first")], "b": [utterance("u", wav, text="second")]})
    (summary,) = prepare(corpus, tmp_path, tmp_path / "out", max_bad=1)
    assert dict(summary.problems) == {"duplicate id": 1}
    assert dict(DataDir.open(tmp_path / "out/train").table("text")) == {"u": "first"}


def test_speakers_go_before_their_utterances_and_sort_as_they_do(wav, tmp_path) -> None:
    speakers = ("a", "a-b", "a.b", "a b", "B", "ü")
    items = [utterance(f"u{i}", wav, speaker, text="t") for speaker in speakers for i in range(2)]
    (summary,) = prepare(Given({"a": items}), tmp_path, tmp_path / "out", max_bad=1)
    data = DataDir.open(tmp_path / "out/train")
    assert dict(summary.problems) == {"duplicate id": 2}  # "a-b" and "a b" are one speaker, once '-' had to go
    assert len(data) == summary.num_utterances == 10
    assert validate(data.folder, Checks()).findings == []


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=4), st.text(max_size=8)), min_size=1, max_size=8))
def test_no_id_and_no_text_can_break_a_directory(tmp_path_factory, names) -> None:
    folder = tmp_path_factory.mktemp("any")
    content = _tiny_wav()
    items = [utterance(utt, content, speaker, text=text, member="m") for utt, speaker, text in names]
    try:
        prepare(Given({"a": items}), folder, folder / "out", max_bad=1)
    except MasrError as error:
        pytest.fail(f"refused: {error}")
    assert validate(folder / "out/train", Checks(text=False)).findings == []


def _tiny_wav() -> bytes:
    from masr.io.riff import riff_header

    return riff_header(800, 16000) + bytes(1600)


def test_labels_known_of_some_say_unknown_of_the_rest(wav, tmp_path) -> None:
    labels = ({"gender": "female", "loc": "1 2"}, {"gender": "", "dur": "9", "spk": "x", "A B": " c\n d "})
    items = [utterance(f"u{i}", wav, labels=found) for i, found in enumerate(labels)]
    (summary,) = prepare(Given({"a": items}), tmp_path, tmp_path / "out")
    data = DataDir.open(tmp_path / "out/train")
    assert dict(data.labels("gender")) == {"u0": "female", "u1": "unknown"}
    assert dict(data.labels("a_b")) == {"u0": "unknown", "u1": "c d"}
    assert dict(data.table("utt2dur")) == {"u0": "0.5", "u1": "0.5"}
    assert not data.has("utt2loc")
    assert not data.has("text")
    assert "utt2loc is left out" in table([summary])


def test_a_recording_is_checked_once_however_many_segments_it_has(wav, tmp_path, monkeypatch) -> None:
    from masr.corpora import check_utterance as admit

    checked = []
    real = admit.check_audio
    monkeypatch.setattr(admit, "check_audio", lambda *a, **k: checked.append(a) or real(*a, **k))
    items = [utterance(f"u{i}", wav, recording="r", start_sec=i / 100, end_sec=i / 100 + 0.1) for i in range(30)] + [
        utterance(f"v{i}", tmp_path / "none.wav", recording="s", start_sec=0, end_sec=1) for i in range(3)
    ]
    (summary,) = prepare(Given({"a": items}), tmp_path, tmp_path / "out", max_bad=0.2)
    assert len(checked) == 2
    assert dict(summary.problems) == {"missing file": 3}


@pytest.mark.parametrize(
    "name", ["two  blanks.wav", "nbsp\u00a0wide\u3000.wav", "ünï-漢字.wav", "a:1.wav", "tab\there.wav"]
)
def test_paths_that_a_table_can_and_cannot_hold(tmp_path, name) -> None:
    from masr.io.audio import read_audio

    path = tmp_path / name
    path.write_bytes(layouts.wav(layouts.samples()))
    items = [utterance("u", path), utterance("good", tmp_path / "x.wav")]
    (tmp_path / "x.wav").write_bytes(layouts.wav(layouts.samples()))
    (summary,) = prepare(Given({"a": items}), tmp_path, tmp_path / "out", max_bad=1)
    scp = DataDir.open(tmp_path / "out/train").table("wav.scp")
    if "\t" in name:
        assert dict(summary.problems) == {"file name": 1}
    else:
        assert scp["u"] == str(path)
        assert len(read_audio(scp["u"])) == 8000


def test_names_that_are_not_utf8(open_corpus, tmp_path) -> None:
    layouts.pangloss(tmp_path / "c", {"good": layouts.wav(layouts.samples())}, {})
    Path(os.fsdecode(os.fsencode(tmp_path / "c") + b"/ta\xffle.wav")).write_bytes(layouts.wav(layouts.samples()))
    (summary,) = prepare(open_corpus("pangloss"), tmp_path / "c", tmp_path / "out", max_bad=1)
    assert dict(summary.problems) == {"file name": 1}


def test_a_split_is_replaced_as_a_whole(wav, tmp_path) -> None:
    items = [utterance("u", wav, text="t", labels={"gender": "male"})]
    prepare(Given({"a": items}), tmp_path, tmp_path / "out")
    (tmp_path / "out/train/feats.scp").write_text("u old.ark:2\n")
    prepare(Given({"a": [utterance("v", wav)]}), tmp_path, tmp_path / "out")
    data = DataDir.open(tmp_path / "out/train")
    assert list(data.utts) == ["v"]
    assert data.tables() == ["reco2dur", "spk2utt", "utt2dur", "utt2spk", "wav.scp"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["train"]


@pytest.mark.parametrize("name", ["fleurs", "librispeech", "pangloss"])
def test_lhotse_takes_what_kaldi_takes(open_corpus, tmp_path, name) -> None:
    kaldi = pytest.importorskip("lhotse.kaldi")
    source = layouts.build(name, tmp_path)
    for summary in prepare(open_corpus(name), source, tmp_path / "out"):
        recordings, supervisions, _ = kaldi.load_kaldi_data_dir(tmp_path / "out" / summary.split, 16000)
        assert len(supervisions) == summary.num_utterances
        assert {recording.num_samples for recording in recordings} == {8000}


def test_provenance_lies_beside_the_tables(open_corpus, tmp_path) -> None:
    source = layouts.build("fleurs", tmp_path)
    prepare(open_corpus("fleurs", "text=raw"), source, tmp_path / "out")
    record = json.loads((tmp_path / "out/dev/provenance.json").read_text())
    assert record["utterances"] == 5
    assert record["source"] == str(source)
    assert "text: raw" in (tmp_path / "out/dev/config.yaml").read_text()


def test_a_stopped_run_leaves_nothing_that_looks_finished_and_is_taken_up_again(
    open_corpus, tmp_path, monkeypatch
) -> None:
    source = layouts.build("fleurs", tmp_path)
    for code in ("bn_in", "ta_in"):
        layouts.fleurs(source, code, "train", {"5.wav": layouts.wav(layouts.samples())})
    read, real = [], type(open_corpus("fleurs")).read

    def stopping(self, part):
        if part.name == "ta_in" and len(read) == 2:
            raise KeyboardInterrupt
        read.append(part.name)
        yield from real(self, part)

    monkeypatch.setattr(type(open_corpus("fleurs")), "read", stopping)
    with pytest.raises(KeyboardInterrupt):
        prepare(open_corpus("fleurs"), source, tmp_path / "out")
    assert read == ["bn_in", "hi_in"]
    assert [p.name for p in (tmp_path / "out").iterdir()] == [".prepare"]
    hindi = source / "data/hi_in/train.tsv"
    os.utime(hindi, (1, 1))
    (source / "metadata.tsv").unlink(missing_ok=True)
    read.append("resumed")
    prepare(open_corpus("fleurs"), source, tmp_path / "out")
    assert read[3:] == ["hi_in", "ta_in", "hi_in", "ur_pk", "hi_in"]
    assert len(DataDir.open(tmp_path / "out/train")) == 5


SCRIPT = """
import os, signal, sys
from pathlib import Path
from masr.config import defaults
from masr.corpora import fleurs
from masr.corpora.prepare import prepare
from masr.errors import MasrError

class Deadly(fleurs.Fleurs):
    def read(self, part):
        if part.split == "dev":
            os.kill(os.getpid(), signal.SIGKILL)
        yield from super().read(part)

if __name__ == "__main__":
    try:
        prepare(Deadly(defaults(fleurs.Config)), Path(sys.argv[1]), Path(sys.argv[2]), num_jobs=int(sys.argv[3]))
    except MasrError as error:
        sys.exit(error.block())
"""


@pytest.mark.parametrize("num_jobs", [1, 2])
def test_a_killed_process_leaves_nothing_half_written(open_corpus, tmp_path, num_jobs) -> None:
    source = layouts.build("fleurs", tmp_path)
    script = tmp_path / "deadly.py"
    script.write_text(textwrap.dedent(SCRIPT))
    command = [sys.executable, str(script), str(source), str(tmp_path / "out"), str(num_jobs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    if num_jobs == 1:
        assert done.returncode == -signal.SIGKILL
    else:
        assert done.returncode == 1
        assert "a worker process was ended from outside" in done.stderr
    finished = [p.name for p in (tmp_path / "out").iterdir() if not p.name.startswith(".")]
    assert finished in ([], ["train"])
    assert [s.num_utterances for s in prepare(open_corpus("fleurs"), source, tmp_path / "out")] == [3, 5, 3]


def test_one_run_at_a_time(wav, tmp_path) -> None:
    (tmp_path / "out/.prepare").mkdir(parents=True)
    with (tmp_path / "out/.prepare/lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CorpusError, match="another `masr prepare`"):
            prepare(Given({"a": [utterance("u", wav)]}), tmp_path, tmp_path / "out")


@pytest.mark.parametrize(("key", "value"), [("max_bad", 1.5), ("max_bad", -0.1), ("num_jobs", 0)])
def test_options_that_mean_nothing(wav, tmp_path, key, value) -> None:
    with pytest.raises(UsageError):
        prepare(Given({"a": [utterance("u", wav)]}), tmp_path, tmp_path / "out", **{key: value})


def test_a_place_that_cannot_be_written_to(wav, tmp_path) -> None:
    with pytest.raises(CorpusError, match="cannot be written to"):
        prepare(Given({"a": [utterance("u", wav)]}), tmp_path, wav / "out")


def test_rows_come_back_as_they_were(tmp_path) -> None:
    rows = [
        UtteranceRow("u", "s", "r", "x.ark:5", 0.5, 0.5, 0.0, 0.5, "", {"lang": "hin"}, (("a", 0.0, 0.1),)),
        UtteranceRow("v", "s", "v", "/a b/\udcff.wav", 0.5, 0.5),
        Problem("w", "x"),
    ]
    path = tmp_path / "rows.jsonl"
    lines = [json.dumps(part_module._as_json(row)) for row in rows]
    path.write_text("{}\n" + "\n".join(lines) + "\n")
    assert list(part_module.read_rows(path)) == rows


def test_the_share_that_is_allowed_is_of_all_that_was_seen(tmp_path) -> None:
    split = Split("train")
    split.add(
        [UtteranceRow(f"u{i}", f"u{i}", f"u{i}", "x", 1.0, 1.0) for i in range(9)]
        + [Problem("a", "wrong rate: 8000 Hz")]
    )
    assert split.summary().bad_share == pytest.approx(0.1)
    split.check(0.1, tmp_path / "p.tsv")
    with pytest.raises(CorpusError, match="1 of 10") as caught:
        split.check(0.09, tmp_path / "p.tsv")
    assert caught.value.why == "1 x wrong rate"
    assert (tmp_path / "p.tsv").read_text() == "where\treason\na\twrong rate: 8000 Hz\n"


def test_speakers_whose_ids_would_mix_are_renamed_with_their_utterances(tmp_path) -> None:
    rows = [UtteranceRow(f"{s}-1", s, f"{s}-1", "/x.wav", 1.0, 1.0) for s in ("a", "a-b")]
    split = Split("train")
    split.add([*rows, replace(rows[0], utt="a-z", recording="a-z")])
    split.settle()
    split.write(tmp_path / "d")
    assert (tmp_path / "d/utt2spk").read_text() == "a-1 a\na-z a\na_b-1 a_b\n"
    assert validate(tmp_path / "d", Checks(text=False, files=False)).findings == []


@given(st.floats(0, 1e5))
def test_numbers_keep_a_millionth(value) -> None:
    assert abs(float(number(value)) - value) <= 5e-7 * max(1, value / 1e4)
    assert "e" not in number(value)
