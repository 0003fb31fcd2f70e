"""A real Slurm of two nodes and a real Grid Engine of this machine, for the tests of a worker; else skipped."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobs.processes import LONGEST_SEC

START = Path(__file__).resolve().parents[2] / "tools" / "start_slurm.sh"
START_GRID_ENGINE = START.with_name("start_grid_engine.sh")


@pytest.fixture(scope="session")
def slurm_conf() -> Iterator[Path]:
    """The configuration of a cluster that lives as long as the tests; its folder's name has to be short."""
    folder = Path(tempfile.mkdtemp(prefix="slurm."))
    command = [str(START), "start", str(folder), "--nodes", "2", "--cpus", "8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SEC, check=False)
    try:
        if done.returncode == 77:
            pytest.skip(done.stderr.strip())
        assert done.returncode == 0, done.stderr
        yield folder / "slurm.conf"
    finally:
        subprocess.run([str(START), "stop", str(folder)], capture_output=True, timeout=LONGEST_SEC, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def slurm(slurm_conf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder, from which launchers find the cluster; what a test leaves in the queue is cancelled."""
    for name in [name for name in os.environ if name.startswith("SLURM_") or name == "STAGE_ATTEMPT"]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLURM_CONF", str(slurm_conf))
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    subprocess.run(["scancel", "--user", str(os.getuid())], check=False)


@pytest.fixture(scope="session")
def grid_engine_settings() -> Iterator[dict[str, str]]:
    """What programs have to find in their environment to use a Grid Engine that lives as long as the tests."""
    folder = Path(tempfile.mkdtemp(prefix="sge."))
    command = [str(START_GRID_ENGINE), "start", str(folder), "--slots", "8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_SEC, check=False)
    try:
        if done.returncode == 77:
            pytest.skip(done.stderr.strip())
        assert done.returncode == 0, done.stderr
        yield dict(word.split("=", 1) for word in shlex.split(done.stdout) if "=" in word)
    finally:
        stop = [str(START_GRID_ENGINE), "stop", str(folder)]
        subprocess.run(stop, capture_output=True, timeout=LONGEST_SEC, check=False)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def grid_engine(
    grid_engine_settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A working folder, from which launchers find the cluster; what a test leaves in the queue is deleted."""
    for name, value in grid_engine_settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("STAGE_ATTEMPT", raising=False)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    subprocess.run(["qdel", "-u", getpass.getuser()], capture_output=True, check=False)
