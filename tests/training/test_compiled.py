"""A run whose blocks are compiled has the losses of one whose blocks are not, and no part of them is left out.

In a process of its own. The graphs are those that every backend gets, and the default runs them without writing C++,
which takes four minutes: MASR_COMPILE_BACKEND=inductor does that too, for another version of PyTorch.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

OBJECTIVES = ("best_rq", "wav2vec2")
BACKEND = os.environ.get("MASR_COMPILE_BACKEND", "aot_eager")


def test_a_compiled_run_has_the_same_losses(tmp_path: Path) -> None:
    """Python between two pieces of a block would be run at every call, and is what private kernels would need."""
    command = [sys.executable, str(Path(__file__).parent / "both_ways.py"), str(tmp_path), BACKEND, *OBJECTIVES]
    environment = {
        **os.environ,
        "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache"),
        "TORCHINDUCTOR_COMPILE_THREADS": "1",
    }
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    for name, found in json.loads(done.stdout.splitlines()[-1]).items():
        assert len(found["eager"]) == 10
        assert found["compiled"] == pytest.approx(found["eager"], abs=1e-4), name
        assert found["breaks"] == []
        assert found["graphs"][0] > 0
