"""Keeps two runs from writing to one place, and one from writing where another reads, on however many machines.

A lock is a file with an flock. The commands of who holds it inherit it: it ends with the last process that has it,
however that ends, so that kill -9 leaves nothing locked, and nothing free that is still written to.

A stage locks the folder it writes to for itself, and the folders of its inputs together with other readers. A task of
a table locks a file that is there only while it runs. Where machines do not see each other's flocks, the time of that
file is a heartbeat: one of another host that does not move for STALE_SEC belongs to nobody.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from masr.errors import BusyError
from masr.files import parse_json

BEAT_SEC = 15.0
STALE_SEC = 180.0
ORPHAN_SEC = 20.0
"""How long what a killed process started may take to notice."""
_POLL_SEC = 0.1


@dataclass(frozen=True)
class Owner:
    """Who holds a lock for itself, as the lock's file says it."""

    host: str
    pid: int
    since: float
    """Seconds of the clock."""
    hours_before: float = 0.0
    """Spent on the same task by runs that did not end."""
    what: str = ""
    """What it does."""

    def __str__(self) -> str:
        when = datetime.fromtimestamp(self.since, UTC).isoformat(timespec="seconds")
        return f"process {self.pid} on {self.host}{self.what and f', {self.what}'}, since {when}"


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


def take_locks(folder: Path, inputs: Sequence[Path], what: str) -> list[int]:
    """Open descriptors that hold `folder` for this process alone, and the folders of `inputs` with other readers.

    BusyError where another run is at work there; `what` tells others who is at work in `folder`.
    """
    own = lock_of(folder)
    own.parent.mkdir(parents=True, exist_ok=True)
    reads = {lock.resolve() for lock in map(nearest_lock, inputs) if lock}
    held = _take(own, fcntl.LOCK_EX, f"another run is at work in {folder}:")
    _sign(held, Owner(socket.gethostname(), os.getpid(), time.time(), what=what))
    others = sorted(reads - {own.resolve()})
    return [held, *(_take(path, fcntl.LOCK_SH, f"another run is at work in {path.parent.parent}:") for path in others)]


def lock_of(folder: Path) -> Path:
    """The file that stands for a folder that stages write to."""
    return folder / ".stages" / "lock"


def nearest_lock(path: Path) -> Path | None:
    """The lock of the folder above `path` that stages write to, if any does."""
    path = path.absolute()
    locks = (lock_of(folder) for folder in (path, *path.parents))
    return next((lock for lock in locks if lock.exists()), None)


def owner_of(path: Path) -> Owner | None:
    """Who runs a task now, as far as can be told without waiting; None where nobody does."""
    owner = _read(path)
    if owner is None:
        return None
    if owner.host == socket.gethostname():
        return owner if _is_held(path) else None
    with suppress(OSError):
        if time.time() - path.stat().st_mtime < STALE_SEC or _is_held(path):
            return owner
    return None


@contextmanager
def hold(path: Path, what: str, hours_before: Callable[[], float] = lambda: 0.0) -> Iterator[Lock]:
    """A task belongs to this process until the block ends; BusyError names another that has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = _take(path, fcntl.LOCK_EX, f"{what} is being run by")
    try:
        _require_no_heart_beats(path, what)
        owner = Owner(socket.gethostname(), os.getpid(), time.time(), hours_before() + _hours_of_the_dead(path))
        _sign(descriptor, owner)
        try:
            yield Lock(path, descriptor, owner)
        finally:
            path.unlink(missing_ok=True)
    finally:
        os.close(descriptor)


def _take(path: Path, kind: int, busy: str) -> int:
    """An open descriptor with the lock, of the very file that the path names; child processes inherit it.

    What a killed owner has started is given ORPHAN_SEC to end.
    """
    deadline = time.monotonic() + ORPHAN_SEC
    has_readers_only = False
    while True:
        descriptor = _flocked(path, kind)
        if descriptor is None:
            owner = _read(path)
            before, has_readers_only = has_readers_only, not _is_held(path)
            if time.monotonic() > deadline or (owner and not _is_gone(owner)) or (before and has_readers_only):
                raise _busy(busy, path, owner)
            time.sleep(_POLL_SEC)
        elif _is_named(path, descriptor):
            os.set_inheritable(descriptor, True)
            return descriptor
        else:
            os.close(descriptor)


def _flocked(path: Path, kind: int) -> int | None:
    """An open descriptor with the lock; None where another has it."""
    descriptor = -1
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT if kind == fcntl.LOCK_EX else os.O_RDONLY, 0o666)
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        if isinstance(error, BlockingIOError):
            return None
        raise BusyError(f"{path} cannot be locked: {error.strerror}", fix="put its folder on another disk") from None
    return descriptor


def _sign(descriptor: int, owner: Owner) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(asdict(owner)).encode(), 0)


def _require_no_heart_beats(path: Path, what: str) -> None:
    """The flock is ours; a host whose locks are not seen here may still be at work: then the file's time moves."""
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
            raise _busy(f"{what} is being run by", path, owner)


def _busy(what: str, path: Path, owner: Owner | None) -> BusyError:
    """`what` and who has it: the owner, or what it started, or mere readers."""
    if owner and not _is_gone(owner):
        who = str(owner)
    else:
        who = f"a process that has {path} open (fuser -v shows it)"
        who += f"; the last to write here, now gone, was {owner}" if owner else ""
    return BusyError(
        f"{what} {who}",
        why="two at once would overwrite each other, or read what is half written",
        fix="wait for it, or stop it and call again",
    )


def _hours_of_the_dead(path: Path) -> float:
    """Hours of the runs that died here, each from its start to its last sign of life."""
    owner = _read(path)
    return owner.hours_before + max(0.0, path.stat().st_mtime - owner.since) / 3600 if owner else 0.0


def _read(path: Path) -> Owner | None:
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
        host, pid, since, hours = (found[name] for name in ("host", "pid", "since", "hours_before"))
        return Owner(str(host), int(pid), float(since), float(hours), str(found.get("what", "")))
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


def _is_held(path: Path) -> bool:
    """Whether somebody holds it for itself; asks without taking, as a shared lock is refused then."""
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


def _is_named(path: Path, descriptor: int) -> bool:
    """Whether the path still names this very file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _beat(path: Path, over: threading.Event) -> None:
    while not over.wait(BEAT_SEC):
        with suppress(OSError):
            os.utime(path)
