"""One run in a folder at a time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from masr.errors import TrainingError
from masr.training.distributed import World
from masr.training.lock import hold

HOLDER = """
import fcntl, os, sys, time
held = open(sys.argv[1], "a+")
fcntl.lockf(held, fcntl.LOCK_EX)
held.truncate(0); held.write("process 77 on elsewhere"); held.flush()
if os.fork() == 0:  # as a process that reads data ahead: it outlives a kill -9 of its parent for a while
    time.sleep(60)
print(os.getpid(), flush=True)
time.sleep(60)
"""


def test_another_process_is_refused_until_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(tmp_path / ".lock")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as other:
        try:
            assert other.stdout is not None
            other.stdout.readline()
            with (
                pytest.raises(TrainingError, match="process 77 on elsewhere is training here"),
                hold(tmp_path, World()),
            ):
                pass
            other.kill()
            other.wait()
            with hold(tmp_path, World()):
                pass
        finally:
            subprocess.run(["kill", "-9", "--", f"-{other.pid}"], check=False)


def test_the_folder_is_free_again_after_the_block(tmp_path: Path) -> None:
    for _ in range(2):
        with hold(tmp_path / "new", World()):
            assert (tmp_path / "new" / ".lock").read_text().startswith("process ")


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="cannot be written"), hold(tmp_path / "file" / "run", World()):
        pass
