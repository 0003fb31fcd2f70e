"""A run whose blocks are compiled has the losses of one whose blocks are not, and no part of them is left out.

In a process of its own, whose kernels are kept nowhere else.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from masr.plugins import names

OBJECTIVES = [name for name in names("objectives") if name in ("best_rq", "wav2vec2")]  # a minute each on a slow core


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, list[float]]]:
    """Losses of ten steps of two objectives, both ways."""
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        pytest.skip("no C++ compiler here")
    folder = tmp_path_factory.mktemp("compiled")
    command = [sys.executable, str(Path(__file__).parent / "both_ways.py"), str(folder), *OBJECTIVES]
    environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(folder / "cache"), "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, dict[str, list[float]]] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_compiled_run_has_the_same_losses(curves: dict[str, dict[str, list[float]]], name: str) -> None:
    eager, compiled = curves[name]["eager"], curves[name]["compiled"]
    assert len(eager) == 10
    assert compiled == pytest.approx(eager, abs=1e-4)


@pytest.mark.slow
def test_blocks_are_compiled_whole(curves: dict[str, dict[str, list[float]]]) -> None:
    """Python between two pieces of a block would be run at every call, and is what private kernels would need."""
    assert all(curves[name]["breaks"] == [] for name in OBJECTIVES)
    assert curves[OBJECTIVES[0]]["graphs"][0] > 0
