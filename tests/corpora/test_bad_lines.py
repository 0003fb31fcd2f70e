"""A line or a file that cannot be used is a counted problem of its own; everything around it is read."""

from __future__ import annotations

import json

import pytest

from masr.corpora.prepare import prepare
from masr.io.datadir import DataDir
from reference import corpus_layouts as layouts

SOUND = layouts.wav(layouts.samples())
RECORDING = layouts.recording("bad", "r1.wav")
SUPERVISION = layouts.supervision("bad", "r0")


def raw(record: object, old: str, new: str) -> bytes:
    return json.dumps(record).replace(old, new).encode("latin-1")


BAD_RECORDINGS = {
    "sources as strings": {**RECORDING, "sources": ["r1.wav"]},
    "sources as a string": {**RECORDING, "sources": "r1.wav"},
    "sources as an object": {**RECORDING, "sources": {"type": "file"}},
    "a source without a path": {**RECORDING, "sources": [{"type": "file", "channels": [0]}]},
    "a source that is a list": {**RECORDING, "sources": [{"type": "file", "channels": [0], "source": ["r1.wav"]}]},
    "channels as strings": {**RECORDING, "sources": [{"type": "file", "channels": ["a"], "source": "r1.wav"}]},
    "channels as a string": {**RECORDING, "sources": [{"type": "file", "channels": "0", "source": "r1.wav"}]},
    "channels below 0": {**RECORDING, "sources": [{"type": "file", "channels": [-1], "source": "r1.wav"}]},
    "a number of 400 digits": raw(RECORDING, '"duration": 0.5', '"duration": ' + "9" * 400),
    "a number of 5,000 digits": raw(RECORDING, '"duration": 0.5', '"duration": ' + "9" * 5000),
    "infinity": raw(RECORDING, '"duration": 0.5', '"duration": 1e999'),
    "no id": {key: value for key, value in RECORDING.items() if key != "id"},
    "an id that is an object": {**RECORDING, "id": {"a": 1}},
    "a broken escape": raw(RECORDING, '"bad"', '"b\\xad"'),
    "invalid UTF-8": raw(RECORDING, '"bad"', '"bad\xff"'),
    "deep": b"[" * 100000,
    "a NUL in the path": {**RECORDING, "sources": [{"type": "file", "channels": [0], "source": "r1\0.wav"}]},
    "half a surrogate in the path": {**RECORDING, "sources": [{"type": "file", "channels": [0], "source": "\ud800"}]},
    "a path that is too long": {**RECORDING, "sources": [{"type": "file", "channels": [0], "source": "x" * 5000}]},
}
BAD_SUPERVISIONS = {
    "a broken escape in the key": raw(SUPERVISION, '"r0"', '"r\\x0"'),
    "invalid UTF-8 in the key": raw(SUPERVISION, '"r0"', '"r0\xff"'),
    "a broken escape": raw(SUPERVISION, '"bad"', '"b\\xad"'),
    "invalid UTF-8": raw(SUPERVISION, '"bad"', '"bad\xff"'),
    "a number of 400 digits": raw(SUPERVISION, '"duration": 0.5', '"duration": ' + "9" * 400),
    "channel as a string": {**SUPERVISION, "channel": "a"},
    "channel as strings": {**SUPERVISION, "channel": ["a"]},
    "custom as a list": {**SUPERVISION, "custom": ["a"]},
    "text as an object": {**SUPERVISION, "text": {"a": 1}},
    "speaker as a list": {**SUPERVISION, "speaker": ["a"]},
    "alignment as a list": {**SUPERVISION, "alignment": ["a"]},
    "phones as a string": {**SUPERVISION, "alignment": {"phone": "abc"}},
    "phones as numbers": {**SUPERVISION, "alignment": {"phone": [1, 2]}},
    "a phone without times": {**SUPERVISION, "alignment": {"phone": [["AA", "x", "y"]]}},
    "a phone at 400 digits": {**SUPERVISION, "alignment": {"phone": [["AA", 10**400, 0.1]]}},
    "no recording": {key: value for key, value in SUPERVISION.items() if key != "recording_id"},
}
BAD_CUTS = {
    "a recording as a string": {"id": "c", "start": 0, "duration": 0.5, "type": "MonoCut", "recording": "r0"},
    "supervisions as strings": {"id": "c", "start": 0, "duration": 0.5, "recording": RECORDING, "supervisions": ["u"]},
    "supervisions as an object": {
        "id": "c",
        "start": 0,
        "duration": 0.5,
        "recording": RECORDING,
        "supervisions": {"u": 1},
    },
}


def write(path, lines) -> None:
    path.write_bytes(b"".join((x if isinstance(x, bytes) else json.dumps(x).encode()) + b"\n" for x in lines))


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "manifests"
    made.mkdir()
    for i in range(2):
        (made / f"r{i}.wav").write_bytes(SOUND)
    return made


@pytest.mark.parametrize("what", BAD_RECORDINGS)
def test_a_bad_line_of_lhotse_recordings_is_counted_and_the_others_are_read(
    open_corpus, tmp_path, folder, what
) -> None:
    write(folder / "x_recordings_dev.jsonl", [BAD_RECORDINGS[what], layouts.recording("r0", "r0.wav")])
    (summary,) = prepare(open_corpus("lhotse"), folder, tmp_path / "data")
    assert list(DataDir.open(tmp_path / "data/x_dev").utts) == ["r0"]
    assert summary.problems.total() == 1
    write(folder / "x_supervisions_dev.jsonl", [layouts.supervision("u", "r0"), layouts.supervision("v", "bad")])
    prepare(open_corpus("lhotse"), folder, tmp_path / "data")
    assert list(DataDir.open(tmp_path / "data/x_dev").utts) == ["u"]


@pytest.mark.parametrize("what", BAD_SUPERVISIONS)
def test_a_bad_line_of_lhotse_supervisions_is_counted_and_the_others_are_read(
    open_corpus, tmp_path, folder, what
) -> None:
    write(folder / "x_recordings_dev.jsonl", [layouts.recording("r0", "r0.wav")])
    write(folder / "x_supervisions_dev.jsonl", [BAD_SUPERVISIONS[what], layouts.supervision("u", "r0")])
    (summary,) = prepare(open_corpus("lhotse"), folder, tmp_path / "data")
    assert list(DataDir.open(tmp_path / "data/x_dev").utts) == ["u"]
    assert summary.problems.total() == 1


@pytest.mark.parametrize("what", BAD_CUTS)
def test_a_bad_line_of_lhotse_cuts_is_counted_and_the_others_are_read(open_corpus, tmp_path, folder, what) -> None:
    good = {"id": "good", "start": 0, "duration": 0.5, "recording": layouts.recording("r0", "r0.wav")}
    write(folder / "x_cuts_dev.jsonl", [BAD_CUTS[what], good])
    (summary,) = prepare(open_corpus("lhotse"), folder, tmp_path / "data")
    assert list(DataDir.open(tmp_path / "data/x_dev").utts) == ["good"]
    assert summary.problems.total() == 1


STRANGE = "a\ud800b\0c\u2028d\x85e"


def test_half_surrogates_and_controls_in_text_and_labels_do_not_end_it(open_corpus, tmp_path, folder) -> None:
    more = {"text": STRANGE, "speaker": STRANGE, "language": STRANGE, "custom": {"place": STRANGE}}
    phones = {"alignment": {"phone": [[STRANGE, 0.0, 0.5]]}}
    write(folder / "x_recordings_dev.jsonl", [layouts.recording("r0", "r0.wav")])
    write(folder / "x_supervisions_dev.jsonl", [layouts.supervision(STRANGE, "r0", **more, **phones)])
    prepare(open_corpus("lhotse"), folder, tmp_path / "data")
    data = DataDir.open(tmp_path / "data/x_dev")
    assert len(data) == 1
    for name in data.tables():
        assert len(data.table(name)) == 1


ENCODINGS = ["EUC-JP", "utf-7", "big5", "idna", "rot13", "hex", "no-such-encoding", "UTF-32", "x" * 3000]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_pangloss_xml_in_an_encoding_that_expat_lacks_is_counted(open_corpus, tmp_path, encoding) -> None:
    good = layouts.pangloss_xml([("S1", 0.0, 0.25, "a")])
    bad = good.replace('encoding="UTF-8"', f'encoding="{encoding}"')
    layouts.pangloss(tmp_path / "c", {"tale": SOUND, "song": SOUND}, {"tale": good, "song": bad})
    (summary,) = prepare(open_corpus("pangloss"), tmp_path / "c", tmp_path / "data")
    assert list(DataDir.open(tmp_path / "data/all").utts) == ["tale-S1"]
    assert dict(summary.problems) == {"bad annotation": 1}


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "windows-1252", "koi8-r", "us-ascii"])
def test_pangloss_xml_in_an_encoding_of_one_byte_is_read(open_corpus, tmp_path, encoding) -> None:
    text = layouts.pangloss_xml([("S1", 0.0, 0.25, "abc")]).replace('encoding="UTF-8"', f'encoding="{encoding}"')
    layouts.pangloss(tmp_path / "c", {"tale": SOUND}, {"tale": text})
    prepare(open_corpus("pangloss"), tmp_path / "c", tmp_path / "data")
    assert dict(DataDir.open(tmp_path / "data/all").table("text")) == {"tale-S1": "abc"}
