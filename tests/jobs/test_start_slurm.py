"""tools/start_slurm.sh: it starts once, stops what it started, and says so where there is no Slurm."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.processes import LONGEST_SEC

SCRIPT = Path(__file__).resolve().parents[2] / "tools" / "start_slurm.sh"


def call(*words: object, **env: str) -> subprocess.CompletedProcess[str]:
    command = [str(SCRIPT), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **env}, timeout=LONGEST_SEC)


def alive(pid: str) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


@pytest.fixture
def folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="slurm."))
    yield folder
    call("stop", folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_it_starts_once_and_stops(folder: Path) -> None:
    first = call("start", folder)
    if first.returncode == 77:
        pytest.skip(first.stderr.strip())
    assert first.returncode == 0, first.stderr
    shown = subprocess.run(["bash", "-c", f"{first.stdout}sinfo -h -o '%D %T'"], capture_output=True, text=True)
    assert shown.stdout == "1 idle\n", shown.stderr
    pids = {path.name: path.read_text() for path in folder.glob("*.pid")}
    assert sorted(pids) == ["munged.pid", "slurmctld.pid", "slurmd.node1.pid"]
    assert call("start", folder).stdout == first.stdout
    assert {path.name: path.read_text() for path in folder.glob("*.pid")} == pids
    assert call("stop", folder).returncode == 0
    assert not any(alive(pid.strip()) for pid in pids.values())
    assert call("stop", folder).returncode == 0


def test_without_slurm_it_asks_to_be_skipped(folder: Path, tmp_path: Path) -> None:
    for name in ("bash", "dirname", "mkdir", "nproc", "id"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    script = SCRIPT.read_text().replace(":/usr/local/sbin:/usr/sbin:/sbin", "")
    (tmp_path / "start").write_text(script)
    for words in (["install"], ["start", str(folder)]):
        command = ["/bin/bash", str(tmp_path / "start"), *words]
        done = subprocess.run(command, capture_output=True, text=True, env={"PATH": str(tmp_path)}, check=False)
        assert (done.returncode, "Slurm is not here" in done.stderr) == (77, True), done.stderr


@pytest.mark.parametrize("words", [[], ["begin"], ["start"], ["start", "/tmp", "--size", "3"]])
def test_other_words_get_the_usage(words: list[str]) -> None:
    done = call(*words)
    assert done.returncode == 2
    assert "tools/start_slurm.sh start FOLDER" in done.stderr


def test_a_folder_that_slurm_cannot_have_is_refused(tmp_path: Path) -> None:
    done = call("start", tmp_path / "a b")
    if done.returncode == 77:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 2
    assert "no spaces" in done.stderr
