"""One process at a time runs a task, on however many machines.

The lock is a file with an flock, which the task's command inherits: it lasts until the last process of the task is
gone, however it ends. Where machines do not see each other's locks, the file's modification time is a heartbeat: a
lock of another host that does not move for STALE_SEC belongs to nobody.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from masr.errors import TableError

BEAT_SEC = 15.0
STALE_SEC = 180.0
ORPHAN_SEC = 20.0
"""How long what a killed process started may take to notice."""
_POLL_SEC = 0.1


@dataclass(frozen=True)
class Owner:
    """Who runs a task, as the lock file says it."""

    host: str
    pid: int
    since: float
    """Seconds of the clock."""
    hours_before: float = 0.0
    """Spent on the task by runs that did not end."""

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds")
        return f"process {self.pid} on {self.host}, since {when}"


@dataclass(frozen=True)
class Lock:
    """A held lock."""

    path: Path
    descriptor: int
    owner: Owner

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Shows other hosts that its owner lives, until the block ends. A thread: fork before it, not inside."""
        over = threading.Event()
        thread = threading.Thread(target=_beat, args=(self.path, over), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


def owner_of(path: Path) -> Owner | None:
    """Who runs the task now, as far as can be told without waiting; None where nobody does."""
    owner = _read(path)
    if owner is None:
        return None
    if owner.host == socket.gethostname():
        return owner if _is_flocked(path) else None
    with suppress(OSError):
        if time.time() - path.stat().st_mtime < STALE_SEC or _is_flocked(path):
            return owner
    return None


@contextmanager
def hold(path: Path, what: str, hours_before: Callable[[], float] = lambda: 0.0) -> Iterator[Lock]:
    """The task belongs to this process until the block ends; TableError names another that has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _open(path, what)
    try:
        spent = _time_of_the_dead(path)
        owner = Owner(socket.gethostname(), os.getpid(), time.time(), hours_before() + spent)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(owner)).encode(), 0)
        try:
            yield Lock(path, descriptor, owner)
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _open(path: Path, what: str) -> int:
    """An open descriptor with the lock, of the very file that the path names."""
    deadline = time.monotonic() + ORPHAN_SEC
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            owner = _read(path)
            if owner and (not _is_gone(owner) or time.monotonic() > deadline):
                raise _busy(what, path, owner) from None
            if owner is None and time.monotonic() > deadline:
                raise _busy(what, path, None) from None
            time.sleep(_POLL_SEC)
            continue
        except OSError as error:
            os.close(descriptor)
            raise TableError(f"{path} cannot be locked: {error.strerror}", fix="put --exp on another disk") from None
        if _same_file(path, descriptor):
            break
        os.close(descriptor)
    try:
        _wait_for_the_heart(path, what)
    except BaseException:
        os.close(descriptor)
        raise
    os.set_inheritable(descriptor, True)
    return descriptor


def _wait_for_the_heart(path: Path, what: str) -> None:
    """The flock is ours; a host whose locks are not seen here may still be at work: then its heart beats."""
    owner = _read(path)
    if owner is None or owner.host == socket.gethostname():
        return
    first = path.stat().st_mtime
    deadline = time.monotonic() + STALE_SEC - min(STALE_SEC, max(0.0, time.time() - first))
    while time.monotonic() < deadline:
        time.sleep(min(1.0, BEAT_SEC / 4))
        if _read(path) is None:
            return
        if path.stat().st_mtime != first:
            raise _busy(what, path, owner)


def _busy(what: str, path: Path, owner: Owner | None) -> TableError:
    who = str(owner) if owner else f"a process that has {path} open"
    return TableError(
        f"{what} is being run by {who}",
        why="a task runs once; two would overwrite each other",
        fix="wait for it, or stop it and call again",
    )


def _time_of_the_dead(path: Path) -> float:
    """Hours from the start of a run that died to its last sign of life, with those before it."""
    owner = _read(path)
    return owner.hours_before + max(0.0, path.stat().st_mtime - owner.since) / 3600 if owner else 0.0


def _read(path: Path) -> Owner | None:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return Owner(str(found["host"]), int(found["pid"]), float(found["since"]), float(found["hours_before"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _is_gone(owner: Owner) -> bool:
    """Whether a process of this host has ended; what it started may live on for a moment."""
    if owner.host != socket.gethostname():
        return False
    try:
        state = Path(f"/proc/{owner.pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return True
    return state[:1] in (["Z"], ["X"])  # dead, though its parent has not asked yet


def _is_flocked(path: Path) -> bool:
    """Asks without taking: a shared lock is refused where another holds it for itself."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _same_file(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _beat(path: Path, over: threading.Event) -> None:
    while not over.wait(BEAT_SEC):
        with suppress(OSError):
            os.utime(path)
