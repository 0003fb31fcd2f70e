"""Who holds a lock, and what a dead one leaves: real processes. Stages take theirs in test_stage.py."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from masr.errors import BusyError
from masr.jobs import locks as module
from masr.jobs.locks import hold, owner_of

HOLDER = r"""
import sys, time
from pathlib import Path
from masr.jobs.locks import hold
with hold(Path(sys.argv[1]), "task 1") as lock:
    if len(sys.argv) > 2:
        import subprocess
        waits = "import os, sys, time\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.02)"
        subprocess.Popen([sys.executable, "-c", waits, sys.argv[2]],
                         pass_fds=(lock.descriptor,), stdout=subprocess.DEVNULL)
    print("held", flush=True)
    time.sleep(60)
"""


def start(path: Path, *more: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path), *more], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    holder = start(path)
    try:
        with pytest.raises(BusyError) as caught, hold(path, "task 1"):
            pytest.fail("two held it")
        assert f"task 1 is being run by process {holder.pid} on {socket.gethostname()}, since 20" in caught.value.what
        owner = owner_of(path)
        assert owner is not None
        assert owner.pid == holder.pid
    finally:
        kill(holder)


def test_a_dead_ones_lock_is_taken_over_and_its_time_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    kill(start(path))
    assert path.exists()
    assert owner_of(path) is None
    then = json.loads(path.read_text())
    path.write_text(json.dumps({**then, "since": time.time() - 7200, "hours_before": 1.0}))
    with hold(path, "task 1", lambda: 0.5) as held:
        assert held.owner.pid == os.getpid()
        assert held.owner.hours_before == pytest.approx(3.5, abs=0.01)


def test_the_lock_lasts_until_what_the_dead_one_started_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.lock"
    kill(start(path, str(tmp_path / "over")))
    assert owner_of(path) is not None
    monkeypatch.setattr(module, "ORPHAN_SEC", 300.0)
    threading.Timer(0.3, (tmp_path / "over").touch).start()
    with hold(path, "task 1"):
        assert (tmp_path / "over").exists()
    assert not path.exists()


def test_a_dead_process_that_nobody_has_asked_about_is_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.lock"
    holder = start(path, str(tmp_path / "over"))
    holder.kill()  # and not waited for: a zombie, whose child holds the lock for a moment
    os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)
    monkeypatch.setattr(module, "ORPHAN_SEC", 300.0)
    threading.Timer(0.3, (tmp_path / "over").touch).start()
    with hold(path, "task 1"):
        pass
    holder.communicate()


def test_an_orphan_that_does_not_end_is_waited_for_only_so_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ORPHAN_SEC", 0.3)
    path = tmp_path / "x.lock"
    kill(start(path, str(tmp_path / "over")))
    with pytest.raises(BusyError, match="is being run by"), hold(path, "task 1"):
        pytest.fail("two held it")
    (tmp_path / "over").touch()


def elsewhere(path: Path, age_sec: float) -> None:
    """What another host leaves whose locks are not seen here."""
    owner = {"host": "another-host", "pid": os.getpid(), "since": time.time() - 9999, "hours_before": 0.0}
    path.write_text(json.dumps(owner))
    os.utime(path, (time.time() - age_sec, time.time() - age_sec))


def test_a_heart_that_beats_on_another_host_is_respected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SEC", 0.2)
    path = tmp_path / "x.lock"
    elsewhere(path, 1.0)
    over = threading.Event()
    thread = threading.Thread(target=module._beat, args=(path, over))
    thread.start()
    try:
        assert owner_of(path) is not None
        with pytest.raises(BusyError, match="on another-host"), hold(path, "task 1"):
            pytest.fail("two held it")
    finally:
        over.set()
        thread.join()


def test_a_heart_that_stopped_on_another_host_is_taken_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STALE_SEC", 0.5)
    path = tmp_path / "x.lock"
    elsewhere(path, 0.0)  # not stale yet: it has to be watched
    with hold(path, "task 1") as held:
        assert held.owner.host == socket.gethostname()
    elsewhere(path, 10.0)
    assert owner_of(path) is None


def test_a_beat_moves_the_time_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BEAT_SEC", 0.05)
    with hold(tmp_path / "x.lock", "task 1") as held:
        os.utime(held.path, (1.0, 1.0))
        with held.beating():
            deadline = time.monotonic() + 300
            while held.path.stat().st_mtime == 1.0:
                assert time.monotonic() < deadline
                time.sleep(0.02)


def test_a_lock_of_nonsense_is_nobodys(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text("{not json")
    assert owner_of(path) is None
    with hold(path, "task 1"):
        pass
