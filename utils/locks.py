"""Keeps two runs from writing to one folder, and one from writing where another reads.

A stage locks the folder it writes to for itself, and the folders of its inputs together with other readers. The
locks are the operating system's and are passed on to the command: they end with the last process that holds them,
however it ends, so that kill -9 leaves no folder locked and none free that is still written to.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from collections.abc import Sequence
from pathlib import Path


class LockedError(Exception):
    """Another run is at work in the folder; the message says which."""


def lock_of(folder: Path) -> Path:
    """The file that stands for a folder."""
    return folder / ".stages" / "lock"


def take_locks(folder: Path, inputs: Sequence[Path], name: str) -> list[int]:
    """Open descriptors that hold the locks; raises LockedError. `name` tells others who holds `folder`."""
    own = lock_of(folder)
    reads = {lock.resolve() for lock in map(nearest_lock, inputs) if lock}
    held = [_locked(own, fcntl.LOCK_EX)]
    os.ftruncate(held[0], 0)
    os.write(held[0], f"process {os.getpid()} on {socket.gethostname()}, {name}, since {time.ctime()}\n".encode())
    return held + [_locked(path, fcntl.LOCK_SH) for path in sorted(reads - {own.resolve()})]


def nearest_lock(path: Path) -> Path | None:
    """The lock of the folder above `path` that stages write to, if any does."""
    path = path.absolute()
    locks = (lock_of(folder) for folder in (path, *path.parents))
    return next((lock for lock in locks if lock.exists()), None)


def _locked(path: Path, kind: int) -> int:
    """An open descriptor that child processes inherit."""
    try:
        flags = os.O_RDWR | os.O_CREAT if kind == fcntl.LOCK_EX else os.O_RDONLY
        descriptor = os.open(path, flags, 0o666)
        os.set_inheritable(descriptor, True)
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno != errno.EWOULDBLOCK:
            raise LockedError(f"{path} cannot be locked: {error.strerror}") from None
        raise LockedError(f"another run is at work in {path.parent.parent}\n  who: {_holder(path)}") from None
    return descriptor


def _holder(lock: Path) -> str:
    """The last that took the folder for itself; where it is gone, its children or mere readers hold it."""
    try:
        text = lock.read_text(encoding="utf-8", errors="replace").strip()
        pid = int(text.split()[1])
    except (OSError, ValueError, IndexError):
        return f"a process that has {lock} open: fuser -v shows it"
    if socket.gethostname() in text and not Path(f"/proc/{pid}").exists():
        return f"a process that has {lock} open: fuser -v shows it; the last to write here, now gone, was {text}"
    return text
