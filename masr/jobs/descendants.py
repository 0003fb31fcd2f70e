"""The processes below a process, as /proc tells them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from contextlib import suppress


def children_of(pid: int) -> set[int]:
    """Those that have it as their parent, ended ones included that it has not asked about."""
    return {child for child, parent in _parents().items() if parent == pid}


def descendants_of(pids: Iterable[int]) -> set[int]:
    """Children of these processes, and theirs, without the processes themselves."""
    parents = _parents()
    found: set[int] = set()
    newest = set(pids)
    while newest:
        newest = {child for child, parent in parents.items() if parent in newest} - found
        found |= newest
    return found


def kill(pids: Iterable[int]) -> None:
    """SIGKILL to each that is still there and ours to kill."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _parents() -> dict[int, int]:
    """Process -> its parent."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdecimal():
            with suppress(OSError), open(f"{entry.path}/stat", "rb") as stream:  # noqa: PTH123 (pathlib starts slowly)
                found[int(entry.name)] = int(stream.read().rpartition(b")")[2].split()[1])
    return found
