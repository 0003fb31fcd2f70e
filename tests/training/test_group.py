"""A training with processes that read ahead, which is told to stop, killed, and begun again at once.

What a training that was killed at any moment ends with: tests/faults.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
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
