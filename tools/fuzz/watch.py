"""What a reader does beside reading: writes elsewhere, commands, connections, pickles. Python tells through its audit
hook, which cannot be taken away again: only a process that ends soon may ask for it."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FIRST_PATH = {"os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.utime", "os.truncate"}
_BOTH_PATHS = {"os.rename", "os.link", "shutil.move"}
_SECOND_PATH = {"os.symlink", "shutil.copyfile", "shutil.copytree"}
_NEVER = {
    "subprocess.Popen": "ran a command",
    "os.system": "ran a command",
    "os.exec": "ran a command",
    "os.posix_spawn": "ran a command",
    "os.startfile": "ran a command",
    "socket.connect": "opened a connection",
    "socket.getaddrinfo": "asked for an address",
    "urllib.Request": "asked for a page",
    "pickle.find_class": "opened a pickle",
}


class Watch:
    """Notes what happens outside `allowed` between `begin` and `end`."""

    def __init__(self, allowed: Sequence[Path]) -> None:
        self._allowed = tuple(os.path.realpath(path) for path in allowed)
        self._is_on = False
        self._seen: list[str] = []
        sys.addaudithook(self._hook)

    def begin(self) -> None:
        """From now on everything is noted."""
        self._seen = []
        self._is_on = True

    def end(self) -> list[str]:
        """What was done that no reader does."""
        self._is_on = False
        return list(dict.fromkeys(self._seen))

    def _hook(self, event: str, args: tuple[Any, ...]) -> None:
        if not self._is_on:
            return
        if event == "open":
            path, _, flags = args
            if isinstance(flags, int) and flags & _WRITES:
                self._note("wrote", path)
        elif event in _NEVER:
            self._seen.append(f"{_NEVER[event]}: {str(args[0])[:80]}")
        elif event in _FIRST_PATH:
            self._note(event, args[0], args[-1] if len(args) > 1 else -1)
        elif event in _BOTH_PATHS:
            self._note(event, args[0], args[2] if len(args) > 2 else -1)
            self._note(event, args[1], args[3] if len(args) > 3 else -1)
        elif event in _SECOND_PATH:
            self._note(event, args[1], args[2] if event == "os.symlink" else -1)

    def _note(self, what: str, path: Any, folder: Any = -1) -> None:
        """Notes a path outside; `folder` is the descriptor that a relative one counts from, where it is one."""
        if isinstance(path, int) or path is None or path == os.devnull:
            return
        self._is_on = False  # what looks at a path is no deed of the reader's
        try:
            base = str(Path(f"/proc/self/fd/{folder}").readlink()) if isinstance(folder, int) and folder >= 0 else ""
            place = os.path.realpath(Path(base) / os.fsdecode(path))
        finally:
            self._is_on = True
        if not any(place == root or place.startswith(root + os.sep) for root in self._allowed):
            self._seen.append(f"{what}: {place}")
