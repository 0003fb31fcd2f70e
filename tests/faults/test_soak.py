"""tools/torture/soak.py: what it measures, what it calls flat, and a soak of some seconds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from torture import soak
from torture.soak import Sample

ROOT = Path(__file__).resolve().parents[2]

CHILD = """
import os, subprocess, sys, time
held = bytearray(os.urandom(40_000_000))
files = [open(os.devnull) for _ in range(7)]
child = subprocess.Popen([sys.executable, "-c", "import time; print(1, flush=True); time.sleep(60)"], stdout=1)
time.sleep(60)
"""


def samples(rising: float) -> list[Sample]:
    """A hundred, of which memory rises by so much each, after ten that fill caches."""
    return [Sample(float(n), 50 + 10 * min(n, 10) + rising * n, 20 + n % 2, 5, 3.0) for n in range(100)]


def test_a_rise_is_that_of_a_line_after_the_warming_up() -> None:
    assert soak.rise(samples(0.0), "memory_mb") == pytest.approx(0, abs=1e-9)
    assert soak.rise(samples(0.5), "memory_mb") == pytest.approx(0.5 * 79)
    assert abs(soak.rise(samples(0.0), "descriptors")) < 0.1
    assert soak.rise(samples(1.0)[:2], "memory_mb") == 0
    said = soak.table(samples(0.5), {name: soak.rise(samples(0.5), name) for name in soak.BOUNDS})
    assert [line.split()[0] for line in said.splitlines() if "NOT FLAT" in line] == ["memory_mb"]


def test_a_tree_of_processes_is_counted_together(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(3_000_000))
    (tmp_path / "metrics.jsonl").write_bytes(bytes(9_000_000))
    process = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        found = soak.sample(1.5, process.pid, tmp_path)
        assert (found.sec, found.processes, found.disk_mb) == (1.5, 2, 3.0)
        assert 40 < found.memory_mb < 100
        assert found.descriptors >= 7 + 6
        children = soak.tree(process.pid)
    finally:
        process.kill()
        for child in children[1:]:
            os.kill(child, 9)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        states = [soak.is_alive(pid) for pid in (os.getpid(), process.pid)]
        process.communicate()
    assert states == [True, False]
    assert (soak.unshared_bytes(process.pid), soak.descriptors(process.pid)) == (0, 0)


def test_what_goes_while_the_disk_is_counted_counts_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint that has been replaced is renamed and removed by the training meanwhile."""
    (tmp_path / "old").mkdir()
    (tmp_path / "kept").write_bytes(bytes(1000))
    look = os.scandir

    def vanishing(place: str) -> object:
        if Path(place).name == "old":
            raise FileNotFoundError(place)
        return look(place)

    monkeypatch.setattr(os, "scandir", vanishing)
    assert soak.disk_bytes(tmp_path) == 1000


@pytest.mark.slow
def test_a_soak_of_some_seconds(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "out" / "work")
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tools'}", "OMP_NUM_THREADS": "1"}
    words = ["soak", str(tmp_path / "out"), "--hours", "0.004", "--every", "0.5"]
    done = subprocess.run(
        [sys.executable, "-m", "torture", *words], env=environment, capture_output=True, text=True, timeout=900
    )
    rows = [line.split("\t") for line in (tmp_path / "out" / "soak.tsv").read_text().splitlines()]
    assert rows[0] == ["sec", "memory_mb", "descriptors", "processes", "disk_mb"]
    assert len(rows) > 5, done.stdout + done.stderr + (tmp_path / "out" / "soak.log").read_text()
    assert {int(row[3]) for row in rows[2:]} >= {5}  # one that trains and four that read
    assert done.returncode == ("NOT FLAT" in done.stdout), done.stderr
    assert (tmp_path / "out" / "soak.svg").read_text().startswith("<svg")
    assert list((tmp_path / "out" / "work" / "soak" / "checkpoints").glob("step_*"))
