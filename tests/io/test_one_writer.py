from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from masr.errors import CorpusError
from masr.io.one_writer import only_writer

BUSY = CorpusError("somebody writes here")


def test_a_second_writer_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    first, second = (only_writer(tmp_path / "lock", BUSY) for _ in range(2))
    with first, pytest.raises(CorpusError, match="somebody"), second:
        pass
    with only_writer(tmp_path / "lock", BUSY):
        pass


def test_a_worker_keeps_the_lock_of_a_writer_that_is_gone(tmp_path: Path) -> None:
    """The worker still writes; with it the lock goes."""
    with only_writer(tmp_path / "lock", BUSY):
        worker = os.fork()
        if worker == 0:
            time.sleep(60)
            os._exit(0)
    with pytest.raises(CorpusError), only_writer(tmp_path / "lock", BUSY):
        pass
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)
    with only_writer(tmp_path / "lock", BUSY):
        pass
