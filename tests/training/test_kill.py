"""A run that is killed again and again ends with the very bits of one that was left alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("seed", [2])
def test_killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    script = Path(__file__).parent / "kill.py"
    command = [sys.executable, str(script), str(tmp_path), str(seed)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    assert len(done.stdout.splitlines()) > 4
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    for undisturbed, disturbed in zip(lines(whole), lines(killed), strict=True):
        for line in (undisturbed, disturbed):
            line.pop("audio_hours_per_hour", None)
        assert disturbed == undisturbed
    assert not [path for path in killed.rglob("*") if ".tmp" in path.name or path.name.endswith(".old")]


def test_signals_with_processes_that_read_ahead(tmp_path: Path) -> None:
    script = Path(__file__).parent / "group.py"
    command = [sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout.splitlines()
    assert done.returncode == 0 and len(said) == 5, done.stdout + done.stderr[-3000:]
    assert said[0] == "group 75"
    assert said[1].startswith("a process that reads data died: ")
    assert said[2:] == ["reader 2", "killed -9", "again 75"]
    assert len(list((tmp_path / "group" / "checkpoints").iterdir())) == 1
