"""What Linux does for processes whose parent dies."""

from __future__ import annotations

import ctypes
import os
import signal

_LIBC = ctypes.CDLL(None)
_SET_PARENT_DEATH_SIGNAL = 1
_SET_DUMPABLE = 4
_SET_CHILD_SUBREAPER = 36


def die_with_parent(signum: int = signal.SIGHUP, parent: int | None = None) -> bool:
    """Asks for a signal when the parent dies, even of kill -9; False where `parent` is the parent no more."""
    parent = os.getppid() if parent is None else parent
    _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signum, 0, 0, 0)
    return os.getppid() == parent


def adopt_orphans() -> None:
    """Descendants whose parent dies become children of this process, in whatever session they are."""
    _LIBC.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def leave_no_core() -> None:
    """Lets this process write no core file from here on."""
    _LIBC.prctl(_SET_DUMPABLE, 0, 0, 0, 0)
