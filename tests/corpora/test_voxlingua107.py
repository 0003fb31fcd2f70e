"""VoxLingua107 in its archives and unpacked: languages, videos, wrong labels, damage."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from masr.corpora.iso_codes import VOXLINGUA107 as CODES
from masr.corpora.languages import to_iso
from masr.corpora.prepare import prepare
from masr.errors import ConfigError, CorpusError
from masr.io.datadir import DataDir
from reference import corpus_layouts as layouts

A, B, C = "--dash_vid1", "Ab-9_xyzABC", "vid00000002"


def named(code: str, video: str, first: int = 0, middle: str = "") -> str:
    return f"{code}/{video}{middle}---{first:04d}.120-{first + 5:04d}.040.wav"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    files = {named("iw", A, k): layouts.wav(layouts.samples(k)) for k in range(2)}
    files |= {named("no", B): layouts.wav(layouts.samples(5)), named("no", C): layouts.wav(layouts.samples(6))}
    files[named("zh", C, 9)] = layouts.wav(layouts.samples(7))
    dev = {named("iw", "devdevdevde", middle="__U__S12"): layouts.wav(layouts.samples(8))}
    return layouts.voxlingua107(tmp_path / "vox", files, dev)


def test_every_code_has_three_letters_and_its_own_language() -> None:
    assert len(CODES) == 107 == len({to_iso(code) for code in CODES})
    assert all(len(to_iso(code)) == 3 for code in CODES)
    known = {"iw": "heb", "jw": "jav", "no": "nob", "nn": "nno", "zh": "cmn", "haw": "haw", "ar": "ara", "lv": "lav"}
    assert {code: to_iso(code) for code in known} == known


def test_language_video_and_split(open_corpus, read_all, source) -> None:
    utterances, problems = read_all(open_corpus("voxlingua107"), source)
    assert sorted(utterances) == [
        f"heb-{A}-0000.120-0005.040",
        f"heb-{A}-0001.120-0006.040",
        "heb-devdevdevde-0000.120-0005.040",
        f"nob-{B}-0000.120-0005.040",
    ]
    first = utterances[f"heb-{A}-0000.120-0005.040"]
    assert first.labels == {"lang": "heb", "video": A} and first.speaker == f"heb-{A}"
    assert first.audio == layouts.wav(layouts.samples(0))
    splits = [part.split for part in open_corpus("voxlingua107").parts(source)]
    assert splits == ["train", "train", "train", "dev"]
    assert [problem.reason for problem in problems] == ["video under two languages"] * 2


def test_what_is_known_to_be_wrong_is_left_out_and_counted(open_corpus, read_all, source, tmp_path) -> None:
    listed = tmp_path / "wrong.txt"
    listed.write_text(f"{B}\n{Path(named('iw', A, 1)).name}\n")
    utterances, problems = read_all(open_corpus("voxlingua107", f"wrong_labels={listed}"), source)
    assert sorted(utterances) == [f"heb-{A}-0000.120-0005.040", "heb-devdevdevde-0000.120-0005.040"]
    assert sum(problem.reason == "language known to be wrong" for problem in problems) == 2
    with pytest.raises(CorpusError, match="cannot be read"):
        open_corpus("voxlingua107", "wrong_labels=/nowhere").parts(source)


def test_unpacked_folders_say_the_same(open_corpus, source, tmp_path) -> None:
    unpacked = tmp_path / "unpacked"
    for path in source.glob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            archive.extractall(unpacked)
    packed = prepare(open_corpus("voxlingua107"), source, tmp_path / "a")
    loose = prepare(open_corpus("voxlingua107"), unpacked, tmp_path / "b")
    assert [s.num_utterances for s in packed] == [s.num_utterances for s in loose] == [3, 1]
    for split in ("train", "dev"):
        a, b = (DataDir.open(tmp_path / name / split) for name in "ab")
        assert a.labels("lang") == b.labels("lang") and a.table("utt2dur") == b.table("utt2dur")
    assert not [p for p in source.rglob("*") if p.suffix != ".zip"]


def test_one_damaged_member_spoils_no_other(open_corpus, read_all, source) -> None:
    path = source / "iw.zip"
    content = bytearray(path.read_bytes())
    content[content.index(b"RIFF") + 2000] ^= 0x40
    path.write_bytes(content)
    utterances, problems = read_all(open_corpus("voxlingua107"), source)
    assert [p.reason.partition(":")[0] for p in problems if "zip" in p.where and "iw" in p.where] == ["damaged archive"]
    assert f"heb-{A}-0001.120-0006.040" in utterances and f"heb-{A}-0000.120-0005.040" not in utterances


def test_an_archive_cut_short_is_said_and_others_are_read(open_corpus, read_all, source, tmp_path) -> None:
    path = source / "iw.zip"
    path.write_bytes(path.read_bytes()[:-30])
    utterances, problems = read_all(open_corpus("voxlingua107"), source)
    assert sorted(utterances) == ["heb-devdevdevde-0000.120-0005.040", f"nob-{B}-0000.120-0005.040"]
    assert [p.reason.partition(":")[0] for p in problems if "iw.zip" in p.where] == ["damaged archive"]
    summaries = prepare(open_corpus("voxlingua107"), source, tmp_path / "data")
    assert summaries[0].problems["damaged archive"] == 1


def test_other_names_are_problems_and_escapes_are_refused(open_corpus, read_all, source) -> None:
    layouts.zipped(source / "af.zip", {"af/short.wav": b"x", named("qq", A): b"x", "af/notes.txt": b"x"})
    _, problems = read_all(open_corpus("voxlingua107"), source)
    reasons = [p.reason for p in problems if "af.zip" in p.where]
    assert reasons == ["no video id and times in the file's name", "in no folder of a language: 'qq'"]
    layouts.zipped(source / "af.zip", {"../af/short.wav": b"x"})
    _, problems = read_all(open_corpus("voxlingua107"), source)
    assert any("leave the folder" in problem.reason for problem in problems)


def test_languages_that_are_asked_for_are_there(open_corpus, source) -> None:
    """dev.zip has 33 languages: one that lies there alone would be trained on by nobody."""
    with pytest.raises(CorpusError, match=r"has no hi, ur\n") as caught:
        open_corpus("voxlingua107", "languages=[hi, no, ur]").parts(source)
    assert caught.value.why == "it has iw, no, zh"
    with pytest.raises(CorpusError, match=r"has no no\n") as caught:
        open_corpus("voxlingua107", "languages=[iw, no]", "splits=[dev]").parts(source)
    assert caught.value.why == "it has iw"
    for archive in ("iw", "no", "zh"):
        (source / f"{archive}.zip").unlink()
    assert {p.split for p in open_corpus("voxlingua107", "languages=[iw]").parts(source)} == {"dev"}
    with pytest.raises(CorpusError, match=r"has no no\n"):
        open_corpus("voxlingua107", "languages=[iw, no]").parts(source)


def test_slips_and_other_folders(open_corpus, tmp_path, source) -> None:
    with pytest.raises(ConfigError, match="'hin'"):
        open_corpus("voxlingua107", "languages=[hin]")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match="no archive or folder"):
        open_corpus("voxlingua107").parts(tmp_path / "empty")
    assert {p.source.name for p in open_corpus("voxlingua107", "languages=[iw]").parts(source)} == {"iw.zip", "dev.zip"}
