from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from jobs.processes import alive, wait_for

PARENT = """
import multiprocessing, os, sys, time
from pathlib import Path
from masr.io.workers import end_with_parent

def work(begun):
    end_with_parent()
    Path(begun).write_text(str(os.getpid()))
    time.sleep(100)

if __name__ == "__main__":
    multiprocessing.get_context("spawn").Process(target=work, args=(sys.argv[1],)).start()
    time.sleep(100)
"""


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_ends_with_the_process_that_started_it(signum: int, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    (tmp_path / "parent.py").write_text(PARENT)
    with subprocess.Popen([sys.executable, str(tmp_path / "parent.py"), str(begun)]) as parent:
        wait_for(lambda: begun.exists() and begun.read_text() != "")
        worker = int(begun.read_text())
        assert alive(worker)
        os.kill(parent.pid, signum)
    wait_for(lambda: not alive(worker))
