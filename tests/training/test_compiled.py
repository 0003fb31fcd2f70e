"""A run whose blocks are compiled has the losses of one whose blocks are not, and no part of them is left out.

In a process of its own, whose kernels are kept nowhere else. What is compiled are blocks of encoders, which know no
objective: one of them is enough.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_compiled_run_has_the_same_losses(tmp_path: Path) -> None:
    """Python between two pieces of a block would be run at every call, and is what private kernels would need."""
    if shutil.which(os.environ.get("CXX", "g++")) is None:
        pytest.skip("no C++ compiler here")
    command = [sys.executable, str(Path(__file__).parent / "both_ways.py"), str(tmp_path), "best_rq"]
    environment = {
        **os.environ,
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])["best_rq"]
    assert len(found["eager"]) == 10
    assert found["compiled"] == pytest.approx(found["eager"], abs=1e-4)
    assert found["breaks"] == []
    assert found["graphs"][0] > 0
