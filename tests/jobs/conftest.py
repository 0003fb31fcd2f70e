"""A real Slurm cluster of two nodes on this machine, for the tests of a worker; without Slurm they are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # for processes.py

START = Path(__file__).resolve().parents[2] / "tools" / "start_slurm.sh"
STAND_IN = Path(__file__).with_name("grid_engine_stand_in.py")


@pytest.fixture(scope="session")
def slurm_conf() -> Iterator[Path]:
    """The configuration of a cluster that lives as long as the tests; its folder's name has to be short."""
    folder = Path(tempfile.mkdtemp(prefix="slurm."))
    command = [str(START), "start", str(folder), "--nodes", "2", "--cpus", "8"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    try:
        if done.returncode == 77:
            pytest.skip(done.stderr.strip())
        assert done.returncode == 0, done.stderr
        yield folder / "slurm.conf"
    finally:
        subprocess.run([str(START), "stop", str(folder)], capture_output=True, timeout=120, check=False)
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


@pytest.fixture
def grid_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the stand-in's arrays; its programs are on the PATH."""
    programs, root = (tmp_path / name for name in ("of_grid_engine", "grid"))
    (programs / "py").mkdir(parents=True)
    root.mkdir()
    for name in ("qsub", "qstat", "qacct", "qdel"):
        program = programs / name
        program.write_text(f'#!/bin/bash\nexec -a {name} {sys.executable} -ES {programs}/py/{name} "$@"\n')
        program.chmod(0o755)
        (programs / "py" / name).symlink_to(STAND_IN)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("STAND_IN", str(root))
    monkeypatch.delenv("STAGE_ATTEMPT", raising=False)
    return root
