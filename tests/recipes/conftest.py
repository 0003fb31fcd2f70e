"""A copy of one recipe in a folder of its own, run by its own run.sh with the real masr."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


class Recipe:
    """The copy, and what its run.sh said last."""

    def __init__(self, name: str, folder: Path) -> None:
        self.folder = folder / "egs" / name
        self.conf = self.folder / "conf"
        self.data = self.folder / "data"
        self.exp = self.folder / "exp"
        shutil.copytree(CHECKOUT / "utils", folder / "utils", ignore=shutil.ignore_patterns("__pycache__"))
        for part in ("run.sh", "cmd.sh", "path.sh", "conf"):
            source = CHECKOUT / "egs" / name / part
            self.folder.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, self.folder / part)
        fleurs = folder / "egs" / "fleurs" / "conf" / "pretrain"  # the other recipes begin with its configurations
        if name != "fleurs":
            shutil.copytree(CHECKOUT / "egs" / "fleurs" / "conf" / "pretrain", fleurs)
        for tiny in (folder / "egs").glob("*/conf/pretrain/parts/tiny.yaml"):
            text = tiny.read_text()
            assert "max_steps: 600, validate_every: 200" in text
            tiny.write_text(
                text.replace("max_steps: 600, validate_every: 200", "max_steps: 3, log_every: 3, validate_every: 3")
            )
        for streams in (folder / "egs").glob("*/conf/pretrain/parts/masr*.yaml"):
            streams.write_text(re.sub(r"warmup_steps: (75|120)\b", "warmup_steps: 0", streams.read_text()))
        shutil.copytree(CHECKOUT / "masr", folder / "masr", ignore=shutil.ignore_patterns("__pycache__"))
        programs = Path(sys.executable).parent
        self.env = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}

    def command(self, *options: object) -> list[str]:
        return [str(self.folder / "run.sh"), *map(str, options)]

    def run(self, *options: object, code: int = 0) -> str:
        """Both outputs together; the exit code must be `code`."""
        done = subprocess.run(
            self.command(*options),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=self.env,
            timeout=900,
        )
        assert done.returncode == code, done.stdout
        return done.stdout

    def kill_when(self, ready: Callable[[], bool], *options: object) -> None:
        """Starts run.sh and kills it with -9 as soon as `ready` says so; waits until all of it is gone."""
        process = subprocess.Popen(
            self.command(*options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.env
        )
        deadline = time.monotonic() + 120
        while not ready():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)


def stages(output: str) -> dict[str, list[str]]:
    """`done`, `skipped` -> the stages that ended so, in the order of the screen."""
    ended: dict[str, list[str]] = {"done": [], "skipped": []}
    for line in output.splitlines():
        if line.startswith("stage ") and ": done in " in line:
            ended["done"].append(line.split(":")[1].strip())
        elif line.startswith("stage ") and line.endswith("skipped"):
            ended["skipped"].append(line.split(":")[1].strip())
    return ended


def read_features(scp: Path, folder: Path) -> dict[str, np.ndarray]:
    """Through kaldi-native-io, which shares no code with what wrote them. Paths count from `folder`."""
    import kaldi_native_io

    before = Path.cwd()
    os.chdir(folder)
    try:
        with kaldi_native_io.SequentialFloatMatrixReader(f"scp:{scp}") as reader:
            return {key: np.array(value) for key, value in reader}
    finally:
        os.chdir(before)


def rows(path: Path) -> dict[str, str]:
    """A table, read the plain way."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return {line.split(maxsplit=1)[0]: line.partition(" ")[2] for line in lines}


@pytest.fixture(scope="module")
def make_recipe(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Recipe]:
    """name -> a fresh copy in a folder with a space in its name."""
    return lambda name: Recipe(name, tmp_path_factory.mktemp("a copy"))


@pytest.fixture(scope="session")
def stages_of() -> Callable[[str], dict[str, list[str]]]:
    return stages


@pytest.fixture(scope="session")
def features_of() -> Callable[[Path, Path], dict[str, np.ndarray]]:
    return read_features


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Path], dict[str, str]]:
    return rows
