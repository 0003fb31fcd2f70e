"""A few strokes of every torture (tools/torture); `make torture` has hundreds."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.slow


def torture(*words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tools'}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "torture", *map(str, words)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=1800, check=False)


@pytest.mark.parametrize(
    ("kind", "victims", "times"),
    [
        ("kill", ("train",), 5),
        ("kill", ("prepare", "features", "extract", "table"), 4),
        ("full disk", ("train", "features", "cluster", "extract", "decode", "identify", "report"), 7),
        ("small disk", ("train", "extract"), 2),
        ("read-only", ("train", "prepare", "features", "extract", "units", "words", "subset"), 7),
        ("two at once", ("train", "prepare", "features", "extract"), 4),
        ("clock set back", ("train", "table"), 2),
        ("damage", ("train",), 1),
    ],
    ids=lambda value: "" if isinstance(value, int) else value if isinstance(value, str) else "-".join(value),
)
def test_nothing_is_lost(kind: str, victims: tuple[str, ...], times: int, work: Path) -> None:
    done = torture("--work", work, "--kills", 5, "--others", 1, "--seed", 1, "--only", kind, *victims)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-3000:]
    if missing := re.search(r"left out: (.*)", done.stdout):
        pytest.skip(missing[1])
    assert re.search(rf"^all +{times} +0 *$", done.stdout, re.MULTILINE), done.stdout


def test_what_there_is_not_is_named(work: Path) -> None:
    done = torture("--work", work, "--only", "flood")
    assert done.returncode == 2
    assert "there is no flood; choose from" in done.stderr
