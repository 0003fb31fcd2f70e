"""Races are held one by one; what came out replaces the section of this make of processor in a page, and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "tools" / "bench"
RACE = """
from race import Race, Runner
import time

def busy(times):
    def turn():
        until = time.process_time() + 0.002 * times
        while time.process_time() < until:
            pass
        return 1.0
    return turn

def gone():
    raise ImportError("no module of the peer")

def race():
    runners = [Runner("ours", lambda: busy(1)), Runner("slow|peer", lambda: busy(4), TARGET)]
    runners.append(Runner("other", gone, 2.0))
    return Race("Doing nothing", "turns", runners, CHECK)
"""


@pytest.fixture
def bench(tmp_path: Path) -> Path:
    """A copy of the bench with races of its own."""
    folder = tmp_path / "bench"
    (folder / "races").mkdir(parents=True)
    for name in ("race.py", "run.py", "page.py"):
        (folder / name).write_text((BENCH / name).read_text())
    (folder / "races" / "fine.py").write_text(RACE.replace("TARGET", "2.0").replace("CHECK", "lambda: 'right'"))
    (folder / "races" / "late.py").write_text(RACE.replace("TARGET", "50.0").replace("CHECK", "None"))
    (folder / "races" / "wrong.py").write_text(RACE.replace("TARGET", "2.0").replace("CHECK", "lambda: 1 / 0"))
    return folder


def held(bench: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(bench / "run.py"), "--rounds", "2", *args]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_a_race_says(bench: Path) -> None:
    done = held(bench, "fine", "--strict")
    assert done.returncode == 0, done.stderr
    assert "right" in done.stdout and "not installed" in done.stdout
    assert "met" in next(line for line in done.stdout.splitlines() if line.startswith("slow|peer"))


def test_a_missed_target_and_a_wrong_answer_are_told(bench: Path) -> None:
    done = held(bench, "late", "--strict")
    assert done.returncode == 1 and "BELOW TARGET" in done.stdout
    done = held(bench, "wrong", "fine", "--strict")
    assert done.returncode == 1 and "FAILED: ZeroDivisionError" in done.stdout and "met" in done.stdout
    assert held(bench, "nothing").returncode == 2
    done = held(bench, "fine", "--page", str(bench / "nowhere" / "page.md"))
    assert done.returncode == 2 and "is no folder" in done.stderr and "Doing nothing" not in done.stdout


def test_a_page_keeps_what_other_machines_said(bench: Path, tmp_path: Path) -> None:
    page = tmp_path / "performance.md"
    page.write_text("# Performance\n\nIn words.\n\n## Another make\n\nits figures\n")
    held(bench, "fine", "--page", str(page))
    first = page.read_text()
    assert first.startswith("# Performance\n\nIn words.\n\n## Another make\n\nits figures\n")
    assert "| Doing nothing |" in first and r"slow\|peer" in first and first.count("\n## ") == 2
    page.write_text(first.replace("\n## Another make", "\n## Yet another make"))
    held(bench, "late", "--page", str(page))
    second = page.read_text()
    assert "50: below target" in second and "2: met" not in second
    assert second.count("\n## ") == 2 and "its figures" in second
