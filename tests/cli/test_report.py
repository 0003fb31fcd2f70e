from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from masr.cli.main import main


def run(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "metrics.jsonl").write_text('{"step": 1, "split": "train", "loss": 1.5}\n')
    return folder


def test_a_real_run_gets_its_page(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "run"
    shutil.copytree(trained, folder, ignore=shutil.ignore_patterns("checkpoints"))
    assert main(["report", str(folder)]) == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    for shown in ("Loss", "language: spread", "Codebook perplexity", "ended at step 4", "batch_frames"):
        assert shown in page
    assert "report.html: 1 run" in capsys.readouterr().out


def test_several_runs_go_to_the_folder_that_holds_them(tmp_path: Path) -> None:
    folders = [str(run(tmp_path / "exp" / name / "seed1")) for name in ("a", "b")]
    assert main(["report", *folders]) == 0
    assert "Comparison" in (tmp_path / "exp" / "report.html").read_text(encoding="utf-8")
    assert main(["report", *folders, "--out", str(tmp_path / "new" / "c.html")]) == 0
    assert (tmp_path / "new" / "c.html").exists()


def test_what_is_wrong_is_said_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(tmp_path)]) == 2
    assert "a report is made of" in capsys.readouterr().err
    folder = run(tmp_path / "run")
    assert main(["report", str(folder), "--out", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err


def test_what_was_left_out_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = run(tmp_path / "run")
    (folder / "x.figure.json").write_text("{}")
    assert main(["report", str(folder)]) == 0
    assert "left out: x.figure.json: there is no kind" in capsys.readouterr().err
