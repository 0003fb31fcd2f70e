"""What we write is read by Kaldi's own scripts and by lhotse, the two tools that recipes pass directories to."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from masr.io.datadir import DataDir, write_datadir
from masr.io.datadir.combine import combine
from masr.io.datadir.fix import fix
from masr.io.datadir.report import Checks
from masr.io.datadir.select import split, subset
from masr.io.datadir.validate import validate

RATE = 16000
UTTS = [f"{speaker}-{n:02d}" for speaker in ("bob", "eve", "zoë") for n in range(4)]


def write_audio(path: Path, seconds: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, int(RATE * seconds))
    soundfile.write(path, noise, RATE, subtype="PCM_16")


def whole_recordings(folder: Path) -> Path:
    for utt in UTTS:
        folder.mkdir(parents=True, exist_ok=True)
        write_audio(folder / f"{utt}.wav", 0.5)
    write_datadir(
        folder,
        {
            "utt2spk": {utt: utt.split("-")[0] for utt in UTTS},
            "wav.scp": {utt: f"{folder}/{utt}.wav" for utt in UTTS},
            "text": {utt: f"some words of {utt}" for utt in UTTS},
            "utt2dur": dict.fromkeys(UTTS, "0.5"),
            "utt2num_frames": dict.fromkeys(UTTS, "48"),
            "utt2lang": dict.fromkeys(UTTS, "hin"),
            "utt2gender": dict.fromkeys(UTTS, "a free label"),
        },
    )
    return folder


def segments(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for recording in ("rec1", "rec2"):
        write_audio(folder / f"{recording}.wav", 6)
    recording = {utt: f"rec{1 + int(utt[-1]) % 2}" for utt in UTTS}
    write_datadir(
        folder,
        {
            "utt2spk": {utt: utt.split("-")[0] for utt in UTTS},
            "wav.scp": {name: f"{folder}/{name}.wav" for name in ("rec1", "rec2")},
            "reco2dur": {"rec1": "6", "rec2": "6"},
            "segments": {utt: f"{recording[utt]} {n * 0.4:.2f} {n * 0.4 + 0.3:.2f}" for n, utt in enumerate(UTTS)},
            "text": {utt: f"some words of {utt}" for utt in UTTS},
            "utt2dur": dict.fromkeys(UTTS, "0.3"),
        },
    )
    return folder


def made_from(folder: Path) -> list[Path]:
    """The directory itself, and one from each of the ways to make another of it."""
    source = DataDir.open(folder)
    parts = split(source, 3) + split(source, 2, by_speaker=True)
    combine(folder.parent / "again", [DataDir.open(part) for part in parts[:3]])
    subset(source, folder.parent / "some", UTTS[2:9])
    repaired = subset(source, folder.parent / "repaired", UTTS).folder
    text = (repaired / "text").read_text().splitlines(keepends=True)
    (repaired / "text").write_text("".join(reversed(text[1:])))
    fix(repaired, Checks())
    return [folder, *parts, folder.parent / "again", folder.parent / "some", repaired]


@pytest.mark.parametrize("kind", [whole_recordings, segments])
def test_kaldi_validates_what_we_write(kind, tmp_path: Path):
    root = os.environ.get("KALDI_ROOT")
    recipe = Path(root or "/nonexistent") / "egs" / "wsj" / "s5"
    if not (recipe / "utils" / "validate_data_dir.sh").exists():
        pytest.skip("set KALDI_ROOT to a checkout of Kaldi to let its own scripts judge our directories")
    for folder in made_from(kind(tmp_path / "all")):
        assert validate(folder).total == 0
        # Kaldi asks for a locale that few containers have before it knows which characters can be printed
        command = ["utils/validate_data_dir.sh", "--no-feats", "--non-print", str(folder)]
        told = subprocess.run(
            command, cwd=recipe, env={**os.environ, "LC_ALL": "C"}, capture_output=True, text=True, check=False
        )
        assert told.returncode == 0, told.stdout + told.stderr
        assert "Successfully validated" in told.stdout
        for script, table, other in (
            ("spk2utt_to_utt2spk.pl", "spk2utt", "utt2spk"),
            ("utt2spk_to_spk2utt.pl", "utt2spk", "spk2utt"),
        ):
            made = subprocess.run([recipe / "utils" / script, folder / table], capture_output=True, check=True).stdout
            assert made == (folder / other).read_bytes()


def test_lhotse_imports_whole_recordings(tmp_path: Path):
    from lhotse.kaldi import load_kaldi_data_dir

    for folder in made_from(whole_recordings(tmp_path / "all")):
        data = DataDir.open(folder)
        recordings, supervisions, _ = load_kaldi_data_dir(folder, RATE)
        assert [s.id for s in supervisions] == list(data.utts) == [r.id for r in recordings]
        for supervision in supervisions:
            assert supervision.text == data.table("text")[supervision.id]
            assert supervision.speaker == data.labels("spk")[supervision.id]
            assert supervision.language == "hin"
            assert supervision.duration == 0.5
        assert recordings[0].load_audio().shape == (1, RATE // 2)


def test_lhotse_imports_segments(tmp_path: Path):
    from lhotse.kaldi import load_kaldi_data_dir

    for folder in made_from(segments(tmp_path / "all")):
        data = DataDir.open(folder)
        recordings, supervisions, _ = load_kaldi_data_dir(folder, RATE)
        assert [r.id for r in recordings] == list(data.table("wav.scp"))
        assert [s.id for s in supervisions] == list(data.utts)
        for supervision in supervisions:
            recording, start, end = data.table("segments")[supervision.id].split()
            assert supervision.recording_id == recording
            assert (supervision.start, supervision.end) == (float(start), float(end))


def test_lhotse_takes_archive_entries_once_reco2dur_is_there(tmp_path: Path):
    """lhotse cannot open `shard.ark:offset` itself; with reco2dur it imports the directory without opening anything."""
    from lhotse.kaldi import load_kaldi_data_dir

    (tmp_path / "wav.ark").write_bytes(bytes(1000))
    rows = {utt: f"{tmp_path}/wav.ark:{n}" for n, utt in enumerate(UTTS)}
    tables = {"utt2spk": {utt: utt.split("-")[0] for utt in UTTS}, "wav.scp": rows}
    write_datadir(tmp_path / "d", {**tables, "reco2dur": dict.fromkeys(UTTS, "0.5")})
    recordings, supervisions, _ = load_kaldi_data_dir(tmp_path / "d", RATE)
    assert len(recordings) == len(supervisions) == len(UTTS)
    write_datadir(tmp_path / "d", tables)
    with pytest.raises(Exception, match=r".*"):
        load_kaldi_data_dir(tmp_path / "d", RATE)
