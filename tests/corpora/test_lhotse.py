from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import masr.corpora.lhotse as lhotse_corpus
from masr.corpora.check import check
from masr.corpora.prepare import prepare
from masr.errors import CorpusError
from masr.io.audio import read_audio
from masr.io.datadir import DataDir
from masr.types import Span
from reference import corpus_layouts as layouts


@pytest.fixture
def sounds(tmp_path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    for i in range(3):
        (folder / f"r{i}.wav").write_bytes(layouts.wav(layouts.samples(i)))
    stereo = np.stack([layouts.samples(7), layouts.samples(8)], axis=1)
    (folder / "stereo.wav").write_bytes(layouts.wav(stereo))
    return folder


def test_manifests_that_lhotse_wrote(open_corpus, tmp_path, sounds) -> None:
    lhotse = pytest.importorskip("lhotse")
    from lhotse.supervision import AlignmentItem

    recordings = lhotse.RecordingSet.from_recordings(
        lhotse.Recording.from_file(sounds / f"{name}.wav") for name in ("r0", "r1", "stereo")
    )
    phones = {"phone": [AlignmentItem("AA", 0.1, 0.05), AlignmentItem("B", 0.15, 0.1)]}
    supervisions = lhotse.SupervisionSet.from_segments(
        [
            lhotse.SupervisionSegment(
                "u1", "r0", 0.1, 0.25, text="Hi \"you\"", speaker="anna", language="English", gender="F",
                custom={"snr": 12.5, "place name": "a b", "dur": 3, "nested": {"x": 1}}, alignment=phones,
            ),
            lhotse.SupervisionSegment("u2", "r1", 0.0, 0.5, text="whole", speaker="bob", language="hi"),
            lhotse.SupervisionSegment("u3", "stereo", 0.0, 0.5, channel=1, text="right", speaker="bob"),
        ]
    )  # fmt: skip
    recordings.to_file(sounds / "ami-ihm_recordings_dev.jsonl.gz")
    supervisions.to_file(sounds / "ami-ihm_supervisions_dev.jsonl.gz")
    (summary,) = prepare(open_corpus("lhotse"), sounds, tmp_path / "data", max_bad=0)
    assert summary.split == "ami-ihm_dev"
    data = DataDir.open(tmp_path / "data/ami-ihm_dev")
    assert list(data.utts) == ["anna-u1", "bob-u2", "bob-u3"]
    assert dict(data.table("utt2spk")) == {"anna-u1": "anna", "bob-u2": "bob", "bob-u3": "bob"}
    assert dict(data.labels("lang")) == {"anna-u1": "eng", "bob-u2": "hin", "bob-u3": "unknown"}
    assert data.labels("gender")["anna-u1"] == "female"
    assert data.labels("snr")["anna-u1"] == "12.5"
    assert data.labels("place_name")["anna-u1"] == "a b"
    assert data.labels("channel")["bob-u3"] == "1"
    assert not data.has("utt2nested")
    assert data.table("segments")["anna-u1"] == "r0 0.1 0.35"
    assert data.table("text")["anna-u1"] == 'Hi "you"'
    lines = (tmp_path / "data/ami-ihm_dev/phones.ctm").read_text().splitlines()
    assert lines == ["anna-u1 1 0 0.05 AA", "anna-u1 1 0.05 0.1 B"]
    entry = data.table("wav.scp")["bob-u3"]
    np.testing.assert_array_equal(read_audio(entry), layouts.samples(8) / np.float32(32768))


def test_cuts_that_lhotse_wrote_are_the_same(open_corpus, read_all, sounds) -> None:
    lhotse = pytest.importorskip("lhotse")
    recordings = lhotse.RecordingSet.from_recordings(lhotse.Recording.from_file(sounds / f"r{i}.wav") for i in range(3))
    supervisions = lhotse.SupervisionSet.from_segments(
        lhotse.SupervisionSegment(f"u{i}-{k}", f"r{i}", 0.2 * k, 0.2, text="t", speaker="s")
        for i in range(2)
        for k in range(2)
    )
    cuts = lhotse.CutSet.from_manifests(recordings=recordings, supervisions=supervisions)
    for folder, written in (("whole", cuts), ("trimmed", cuts.trim_to_supervisions(keep_overlapping=False))):
        (sounds / folder).mkdir()
        written.to_file(sounds / folder / "x_cuts_dev.jsonl.gz")
    (sounds / "pairs").mkdir()
    recordings.to_file(sounds / "pairs/x_recordings_dev.jsonl.gz")
    supervisions.to_file(sounds / "pairs/x_supervisions_dev.jsonl.gz")
    pairs, _ = read_all(open_corpus("lhotse"), sounds / "pairs")
    trimmed, problems = read_all(open_corpus("lhotse"), sounds / "trimmed")
    assert problems == []
    assert trimmed == pairs
    whole, _ = read_all(open_corpus("lhotse"), sounds / "whole")
    assert {key: whole[key] for key in pairs} == pairs
    assert len(whole) == len(pairs) + 1


def test_an_alignment_counts_from_the_recordings_start(open_corpus, read_all, sounds) -> None:
    line = layouts.supervision("u", "r0", 0.1, 0.2, alignment={"phone": [["AA", 0.15, 0.05, None]]})
    layouts.lhotse(sounds, [layouts.recording("r0", "r0.wav")], [line])
    utterances, _ = read_all(open_corpus("lhotse"), sounds)
    (span,) = utterances["u"].phones
    assert span.label == "AA"
    assert (span.start_sec, span.end_sec) == pytest.approx((0.05, 0.1))
    assert isinstance(span, Span)


def test_channels_in_files_of_their_own(open_corpus, read_all, sounds) -> None:
    record = layouts.recording("r", "r0.wav")
    record["sources"] = [{"type": "file", "channels": [c], "source": f"r{c}.wav"} for c in range(3)]
    lines = [{**layouts.supervision("u", "r"), "channel": 2}, {**layouts.supervision("v", "r"), "channel": [1, 2]}]
    layouts.lhotse(sounds, [record], [*lines, {**layouts.supervision("w", "r"), "channel": 5}])
    utterances, problems = read_all(open_corpus("lhotse"), sounds)
    assert (utterances["u"].audio.name, utterances["u"].channel) == ("r2.wav", None)
    assert utterances["v"].audio.name == "r1.wav"
    assert [p.reason.partition(":")[0] for p in problems] == ["no channel 5"]


def change(**more: object):
    return lambda record: {**record, **more}


BAD_RECORDINGS = {
    "command": change(sources=[{"type": "command", "channels": [0], "source": "touch /tmp/never"}]),
    "source of type 'url'": change(sources=[{"type": "url", "channels": [0], "source": "http://x"}]),
    "no source": change(sources=[]),
    "transforms": change(transforms=[{"name": "Speed", "kwargs": {"factor": 1.1}}]),
    "bad duration": change(duration="long"),
    "not JSON": lambda _: "{",
    "not JSON ": lambda _: "[1]",
}


@pytest.mark.parametrize("reason", BAD_RECORDINGS)
def test_recordings_that_are_not_read(open_corpus, read_all, sounds, reason) -> None:
    bad = BAD_RECORDINGS[reason](layouts.recording("bad", "r1.wav"))
    lines = [layouts.supervision("u", "r0"), layouts.supervision("v", "bad")]
    layouts.lhotse(sounds, [layouts.recording("r0", "r0.wav"), bad], lines)
    utterances, problems = read_all(open_corpus("lhotse"), sounds)
    assert list(utterances) == ["u"]
    assert len(problems) == 2
    assert problems[0].reason.startswith(reason.strip())


def test_supervisions_that_are_not_read(open_corpus, read_all, sounds) -> None:
    lines = [
        layouts.supervision("u", "r0"),
        layouts.supervision("v", "r9"),
        {**layouts.supervision("w", "r0"), "start": None},
        {**layouts.supervision("x", "r0"), "duration": float("nan")},
        '{"recording_id": "r0", "start": 0, "duration": 0.5}',
        '{"id": "y", "recording_id": "r0"',
    ]
    layouts.lhotse(sounds, [layouts.recording("r0", "r0.wav")], lines)
    utterances, problems = read_all(open_corpus("lhotse"), sounds)
    assert list(utterances) == ["u"]
    kinds = [p.reason.partition(":")[0] for p in problems]
    assert kinds == ["supervision without recording", "bad start", "bad duration", "no id", "not JSON"]


def test_recordings_alone_and_plain_files(open_corpus, read_all, sounds) -> None:
    layouts.jsonl(sounds / "mls_recordings_test.jsonl", [layouts.recording(f"r{i}", f"r{i}.wav") for i in range(3)])
    utterances, problems = read_all(open_corpus("lhotse"), sounds)
    assert sorted(utterances) == ["r0", "r1", "r2"]
    assert problems == []


def test_slices_of_a_manifest_are_together_all_of_it(open_corpus, read_all, sounds, monkeypatch) -> None:
    lines = [layouts.supervision(f"u{i}", f"r{i}") for i in (2, 0, 1)] + [layouts.supervision("lost", "none")]
    layouts.lhotse(sounds, [layouts.recording(f"r{i}", f"r{i}.wav") for i in range(3)], lines)
    at_once = read_all(open_corpus("lhotse"), sounds)
    monkeypatch.setattr(lhotse_corpus, "LINES_PER_PART", 2)
    assert len(open_corpus("lhotse").parts(sounds)) == 2
    in_slices = read_all(open_corpus("lhotse"), sounds)
    assert in_slices[0] == at_once[0]
    assert sorted(in_slices[1], key=str) == sorted(at_once[1], key=str)


def test_splits_and_paths_from_the_working_folder(open_corpus, tmp_path, sounds, monkeypatch) -> None:
    monkeypatch.chdir(sounds)
    folder = tmp_path / "elsewhere"
    for part in ("dev", "test"):
        layouts.lhotse(folder, [layouts.recording("r0", "r0.wav")], [layouts.supervision("u", "r0")], part=part)
    assert [p.split for p in open_corpus("lhotse").parts(folder)] == ["ami_dev", "ami_test"]
    prepare(open_corpus("lhotse", "splits=[ami_test]"), folder, tmp_path / "data")
    assert DataDir.open(tmp_path / "data/ami_test").table("wav.scp")["u"] == str(sounds / "r0.wav")
    with pytest.raises(CorpusError, match="has no ami_tst"):
        open_corpus("lhotse", "splits=[ami_tst]").parts(folder)


def test_a_manifest_cut_short(open_corpus, read_all, sounds) -> None:
    layouts.lhotse(sounds, [layouts.recording(f"r{i}" * 40, "r0.wav") for i in range(99)], [])
    path = sounds / "ami_recordings_dev.jsonl.gz"
    path.write_bytes(path.read_bytes()[:-20])
    utterances, problems = read_all(open_corpus("lhotse"), sounds)
    assert not utterances
    assert len(problems) == 1 and problems[0].spoils_part
    assert problems[0].reason.startswith("damaged manifest: ami_recordings_dev.jsonl.gz: damaged after line")


def test_supervisions_without_recordings_say_so(open_corpus, sounds) -> None:
    layouts.jsonl(sounds / "ami_supervisions_dev.jsonl.gz", [layouts.supervision("u", "r0")])
    with pytest.raises(CorpusError, match="no recordings beside it"):
        open_corpus("lhotse").parts(sounds)


def test_other_rates_are_converted_when_asked(open_corpus, tmp_path, sounds) -> None:
    (sounds / "cv.wav").write_bytes(layouts.wav(layouts.samples(num_samples=24000), rate=48000))
    layouts.lhotse(sounds, [layouts.recording("cv", "cv.wav", 24000, rate=48000)], [layouts.supervision("u", "cv")])
    with pytest.raises(CorpusError, match="nothing usable") as caught:
        prepare(open_corpus("lhotse"), sounds, tmp_path / "data")
    assert "wrong rate" in caught.value.why
    (summary,) = prepare(open_corpus("lhotse"), sounds, tmp_path / "data", resample=True)
    assert summary.duration_sec == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("kind", ["recordings", "supervisions"])
@pytest.mark.parametrize("damage", ["cut", "flipped"])
def test_a_damaged_manifest_is_a_problem_of_its_split_and_nothing_of_it_is_used(
    open_corpus, sounds, tmp_path, kind, damage
) -> None:
    for part in ("dev", "test"):
        recordings = [layouts.recording("r0", "r0.wav")]
        layouts.lhotse(sounds, recordings, [layouts.supervision(f"{part}0", "r0", text="a b c")], part=part)
    path = sounds / f"ami_{kind}_dev.jsonl.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9] if damage == "cut" else whole[:-8] + bytes([whole[-8] ^ 1]) + whole[-7:])
    rows = [line.split() for line in check(open_corpus("lhotse"), sounds).splitlines()]
    found = {row[0]: row[1:] for row in rows}
    assert found["ami_test"][:3] == ["1", "1", "0"]
    assert found["ami_dev"][:2] == ["1", "0"] and "damaged manifest" in " ".join(found["ami_dev"])
    with pytest.raises(CorpusError, match=r"ami_dev: .* nothing usable is left"):
        prepare(open_corpus("lhotse"), sounds, tmp_path / "data")
    (summary,) = prepare(open_corpus("lhotse", "splits=[ami_test]"), sounds, tmp_path / "data")
    assert summary.num_utterances == 1


def test_a_custom_field_whose_name_no_file_can_have_is_left_out(open_corpus, read_all, sounds) -> None:
    custom = {"x" * 101: 1, "y" * 100: 2}
    layouts.lhotse(sounds, [layouts.recording("r0", "r0.wav")], [layouts.supervision("u", "r0", custom=custom)])
    utterances, problems = read_all(open_corpus("lhotse"), sounds)
    assert not problems
    assert {kind for kind in utterances["u"].labels if len(kind) > 50} == {"y" * 100}
