from __future__ import annotations

import errno
import fcntl
import os
import signal
import time
from pathlib import Path

import pytest

from masr.errors import BusyError, CorpusError
from masr.io.one_writer import only_writer, writing
from masr.types import JobSlice

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


def test_jobs_of_an_array_write_side_by_side_and_each_of_them_once(tmp_path: Path) -> None:
    first, second = (JobSlice(job, 2, is_merged=False) for job in (1, 2))
    with writing(tmp_path / "out", "extract", first), writing(tmp_path / "out", "extract", second):
        for part in (first, JobSlice(1, 2, is_run=False), JobSlice(1, 1)):
            with (
                pytest.raises(BusyError, match="another run of `masr extract`"),
                writing(tmp_path / "out", "extract", part),
            ):
                pass
        with writing(tmp_path / "out", "decode"):
            pass
    assert len(list((tmp_path / "out").glob(".extract.*.lock"))) == 2
    with writing(tmp_path / "out", "extract", JobSlice(1, 2, is_run=False)):
        pass
    assert [path.name for path in (tmp_path / "out").iterdir()] == []
    with writing(tmp_path / "out", "extract"), pytest.raises(BusyError), writing(tmp_path / "out", "extract", first):
        pass


def test_a_file_system_without_locks_is_written_to_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, number: int = errno.ENOLCK) -> None:
        raise OSError(number, "no locks")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with writing(tmp_path, "words"):
        pass
    monkeypatch.setattr(fcntl, "flock", lambda *_: refuse(number=errno.EIO))
    with pytest.raises(OSError, match="no locks"), writing(tmp_path, "words"):
        pass


def test_a_lock_that_its_holder_removed_is_taken_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between opening and locking the file another may go, and it is another file that counts then."""
    flock, lock = fcntl.flock, tmp_path / "lock"

    def late(stream: int, kind: int) -> None:
        monkeypatch.setattr(fcntl, "flock", flock)
        lock.unlink()
        flock(stream, kind)

    monkeypatch.setattr(fcntl, "flock", late)
    with only_writer(lock, BUSY):
        assert lock.exists()
        with pytest.raises(CorpusError), only_writer(lock, BUSY):
            pass
