"""The tests on the pretend accelerator, in a process of their own.

Once PyTorch's autograd has seen a device beside the CPU it has threads, and no fork of that process can compute a
gradient: the tests that fork would fail wherever they came after these.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent


def test_in_a_process_of_their_own() -> None:
    files = sorted(str(path) for path in HERE.glob("*.py") if path != Path(__file__))
    assert [Path(file).stem for file in files] == ["host_waits", "on_host"]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *files]
    done = subprocess.run(command, cwd=HERE.parents[1], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]


def test_no_other_file_uses_it() -> None:
    using = [path for path in HERE.parent.rglob("*.py") if "small.accelerator" in path.read_text(encoding="utf-8")]
    assert {path.relative_to(HERE).as_posix() for path in using if path.is_relative_to(HERE)} >= {"host_waits.py"}
    assert [path for path in using if not path.is_relative_to(HERE)] == []
