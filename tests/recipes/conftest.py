"""A copy of one recipe in a folder of its own, run by its own run.sh with the real masr, which forked.py starts."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from recipes import forked, inputs

CHECKOUT = Path(__file__).resolve().parents[2]


class Server:
    """forked.py at work, and where it notes what is read."""

    def __init__(self, traces: Path) -> None:
        self.traces = traces
        self.socket = Path(tempfile.mkdtemp(prefix="masr")) / "socket"  # a short name, as the system asks
        command = [sys.executable, forked.__file__, str(self.socket), str(traces)]
        self.process = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"})

    def wait(self) -> None:
        """Until it answers."""
        while not self.socket.exists():
            assert self.process.poll() is None
            time.sleep(0.05)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.socket.parent)


class Recipe:
    """The copy, and what its run.sh said last."""

    def __init__(self, name: str, folder: Path, server: Server) -> None:
        self.traces = server.traces
        self.folder = folder / "egs" / name
        self.conf = self.folder / "conf"
        self.data = self.folder / "data"
        self.exp = self.folder / "exp"
        shutil.copytree(CHECKOUT / "utils", folder / "utils", ignore=shutil.ignore_patterns("__pycache__"))
        self.folder.mkdir(parents=True)
        for script in (CHECKOUT / "egs" / name).glob("*.sh"):
            shutil.copy2(script, self.folder)
        for part in ("conf", "tables"):
            for recipe in {name, "fleurs"}:  # the other recipes begin with its configurations
                shutil.copytree(CHECKOUT / "egs" / recipe / part, folder / "egs" / recipe / part)
        for tiny in (folder / "egs").glob("*/conf/*/parts/tiny.yaml"):
            shorter = tiny.read_text()
            for key, value in {"max_steps": 3, "validate_every": 3, "save_every": 3, "batch_frames": 6000}.items():
                shorter, found = re.subn(rf"\b{key}: \d+", f"{key}: {value}", shorter)
                assert found == 1, f"{tiny}: {key}"
            tiny.write_text(shorter.replace("max_steps: 3", "max_steps: 3, log_every: 3"))
        for streams in (folder / "egs").glob("*/conf/pretrain/parts/*.yaml"):
            streams.write_text(re.sub(r"warmup_steps: (75|120)\b", "warmup_steps: 0", streams.read_text()))
        for table in (folder / "egs").glob("*/tables/**/*.yaml"):
            table.write_text(re.sub(r"\bwarmup: \d+", "warmup: 0", table.read_text()))
        shutil.copytree(CHECKOUT / "masr", folder / "masr", ignore=shutil.ignore_patterns("__pycache__"))
        programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.started_env = {**os.environ, "PATH": programs, "OMP_NUM_THREADS": "1"}
        """Where each masr is a program of its own, as it is for a user."""
        forked.write_client(folder / "bin" / "masr", server.socket)
        launcher = folder / "bin" / "no_launcher"
        launcher.write_text("#!/bin/sh\nmkdir -p exp/tables\n")
        launcher.chmod(0o755)
        self.env = {**self.started_env, "PATH": f"{folder / 'bin'}:{programs}"}

    def command(self, *options: object, script: str = "run.sh") -> list[str]:
        return [str(self.folder / script), *map(str, options)]

    def run(self, *options: object, code: int = 0, script: str = "run.sh") -> str:
        """Both outputs together; the exit code must be `code`."""
        done = subprocess.run(
            self.command(*options, script=script),
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
            self.command(*options), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=self.started_env
        )
        deadline = time.monotonic() + 300
        while not ready():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=300)


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


def unseen_reads(recipe: Recipe) -> dict[str, list[str]]:
    """Stage -> what it read and none of its --inputs shows when it changes, of all stages that have been run."""
    found: dict[str, list[str]] = {}
    for stage in inputs.stages_of(recipe.folder, recipe.traces):
        found.setdefault(stage.name, []).extend(map(str, inputs.unseen(stage, recipe.folder)))
    return found


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("traces"))
    server.wait()
    yield server
    server.end()


@pytest.fixture(scope="module")
def make_recipe(tmp_path_factory: pytest.TempPathFactory, server: Server) -> Callable[[str], Recipe]:
    """name -> a fresh copy in a folder with a space in its name."""
    return lambda name: Recipe(name, tmp_path_factory.mktemp("a copy"), server)


@pytest.fixture(scope="session")
def unseen_of() -> Callable[[Recipe], dict[str, list[str]]]:
    return unseen_reads


@pytest.fixture(scope="session")
def stages_of() -> Callable[[str], dict[str, list[str]]]:
    return stages


@pytest.fixture(scope="session")
def features_of() -> Callable[[Path, Path], dict[str, np.ndarray]]:
    return read_features


@pytest.fixture(scope="session")
def rows_of() -> Callable[[Path], dict[str, str]]:
    return rows
