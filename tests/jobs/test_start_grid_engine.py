"""tools/start_grid_engine.sh: it starts once, stops what it started, and says so where there is no Grid Engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.processes import LONGEST_SEC, alive

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "start_grid_engine.sh"


def call(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
    command = [str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, timeout=LONGEST_SEC)


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sge."))
    yield folder
    call("stop", folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_it_starts_once_and_stops(folder: Path) -> None:
    first = call("start", folder, "--slots", 3)
    if first.returncode == 77:
        pytest.skip(first.stderr.strip())
    assert first.returncode == 0, first.stderr
    script = f"{first.stdout}qstat -f | grep all.q; qconf -sh"
    shown = subprocess.run(["bash", "-c", script], capture_output=True, text=True).stdout
    assert " 0/0/3 " in shown
    assert len(shown.splitlines()) == 2, "one queue and one host that may administer"
    pids = {path.name: path.read_text() for path in folder.glob("*.pid")}
    assert sorted(pids) == ["sge_execd.pid", "sge_qmaster.pid"]
    assert call("start", folder).stdout == first.stdout
    assert {path.name: path.read_text() for path in folder.glob("*.pid")} == pids
    assert call("stop", folder).returncode == 0
    assert not any(alive(int(pid)) for pid in pids.values())
    assert call("stop", folder).returncode == 0


def test_without_grid_engine_it_asks_to_be_skipped(folder: Path, tmp_path: Path) -> None:
    for name in ("bash", "dirname", "mkdir", "nproc", "id"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    (tmp_path / "start").write_text(SCRIPT.read_text().replace("/usr/lib/gridengine", str(tmp_path)))
    for words in (["install"], ["start", str(folder)]):
        command = ["/bin/bash", str(tmp_path / "start"), *words]
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(tmp_path)}, check=False)
        assert (done.returncode, "Grid Engine is not here" in done.stderr) == (77, True), done.stderr


@pytest.mark.parametrize("words", [[], ["begin"], ["start"], ["start", "/tmp", "--size", "3"]])
def test_other_words_get_the_usage(words: list[str]) -> None:
    done = call(*words)
    assert done.returncode == 2
    assert "tools/start_grid_engine.sh start FOLDER" in done.stderr


def test_a_folder_that_grid_engine_cannot_have_is_refused(tmp_path: Path) -> None:
    done = call("start", tmp_path / "a b")
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 2
    assert "no spaces" in done.stderr
