"""tools/superb: data directories as s3prl reads them, and each of its tasks for a few steps."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from superb.data import write
from superb.peers import missing

from masr.cli.main import main
from masr.io.datadir import write_table
from small.exports import BEST_RQ, CONFORMER, MakeRun

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
NEEDS_S3PRL = pytest.mark.skipif(bool(missing()), reason=f"s3prl is optional; not installed: {', '.join(missing())}")
TASKS = {"pr": ["--lr", "0.1"], "ks": [], "sid": ["--label", "lang"], "lid": []}


@pytest.fixture
def aligned(spoken: Path, tmp_path: Path) -> Path:
    """A folder with data/train and data/dev, where the words `left` and `right` take turns, and phones are known."""
    for split in ("train", "dev"):
        folder = tmp_path / "data" / split
        shutil.copytree(spoken / "data" / split, folder)
        utts = [line.split()[0] for line in (folder / "utt2spk").read_text().splitlines()]
        words = {utt: f"1 0 0.2 to\n1 0.2 0.3 {'left' if n % 2 else 'right'}" for n, utt in enumerate(utts)}
        write_table(folder / "words.ctm", words)
        write_table(folder / "phones.ctm", dict.fromkeys(utts, "1 0 0.1 SIL\n1 0.1 0.1 T\n1 0.2 0.2 UW1"))
    return tmp_path / "data"


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_phones_are_read_without_silence(aligned: Path, tmp_path: Path) -> None:
    written = write("pr", [aligned / "train", aligned / "dev", aligned / "dev"], "", tmp_path)
    assert {row["transcription"] for row in rows(tmp_path / "train.csv")} == {"T UW1"}
    assert (written.classes, written.chance, written.counts) == (2, 1.0, {"train": 32, "valid": 8, "test": 8})


def test_keywords_are_stretches_of_their_utterances(aligned: Path, tmp_path: Path) -> None:
    written = write("ks", [aligned / "train", aligned / "dev", aligned / "dev"], "", tmp_path)
    found = rows(tmp_path / "test.csv")
    assert {(row["label"], row["start_sec"], row["end_sec"]) for row in found} == {
        ("word left", "0.2", "0.5"),
        ("word right", "0.2", "0.5"),
    }
    assert (written.classes, written.chance) == (2, 0.5)


def test_every_speaker_is_divided(aligned: Path, tmp_path: Path) -> None:
    written = write("sid", [aligned / "train", aligned / "dev", aligned / "dev"], "lang", tmp_path)
    assert written.counts == {"train": 24, "valid": 4, "test": 4}  # eight utterances of each of four labels
    utts = [row["id"] for split in written.counts for row in rows(tmp_path / f"{split}.csv")]
    assert len(set(utts)) == 32
    assert {row["label"] for row in rows(tmp_path / "test.csv")} == {"lang eng", "lang hin", "lang nob", "lang urd"}


def run(calls: list[list[str]], folder: Path) -> str:
    """What `python -m superb` prints of these calls, in a process of their own; each is a success."""
    code = f"from superb.__main__ import main; print(*[main(words) for words in {calls!r}])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tools'}", "HF_MODULES_CACHE": str(folder / "modules")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.splitlines()[-1:] == [" ".join("0" * len(calls))], done.stderr[-2000:]
    return done.stdout


@NEEDS_S3PRL
def test_s3prl_trains_and_scores_every_task(make_run: MakeRun, aligned: Path, tmp_path: Path) -> None:
    out = tmp_path / "upstream"
    assert main(["export", str(make_run(CONFORMER % "relative", BEST_RQ)), str(out), "--to", "s3prl"]) == 0
    said = run(
        [
            [str(out), str(aligned), task, "--out", str(tmp_path / task), "--test", "dev", "--steps", "4", *more]
            for task, more in TASKS.items()
        ],
        tmp_path,
    )
    for task, metric in (("pr", "per"), ("ks", "accuracy"), ("sid", "accuracy"), ("lid", "accuracy")):
        report = json.loads((tmp_path / task / "superb.json").read_text())
        assert report["metric"] == metric
        assert 0 <= report["score"] <= 1.5
        assert f"{task}: {metric} {report['score']:.3f}, by chance {report['chance']:.3f}" in said


def test_espnet_trains_and_scores_as_ml_superb_does(make_run: MakeRun, aligned: Path, tmp_path: Path) -> None:
    pytest.importorskip("espnet2", reason="ESPnet is optional")
    out = tmp_path / "upstream"
    assert main(["export", str(make_run(CONFORMER % "relative", BEST_RQ)), str(out), "--to", "espnet"]) == 0
    run([[str(out), str(aligned), "ml", "--out", str(tmp_path / "ml"), "--test", "dev", "--steps", "2"]], tmp_path)
    report = json.loads((tmp_path / "ml" / "superb.json").read_text())
    assert (report["metric"], report["classes"], report["chance"]) == ("accuracy", 4, 0.25)
    assert 0 <= report["score"] <= 1
    heard = (tmp_path / "ml/exp/test/1best_recog/text").read_text().splitlines()
    assert len(heard) == report["utterances"]["test"] == 8
