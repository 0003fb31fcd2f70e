"""The folder that an input is laid out in, and what lies around it, which nobody may touch."""

from __future__ import annotations

import os
import shutil
from itertools import count
from pathlib import Path

from fuzz.case import Content, Files, lay

_CANARY = b"nobody writes here\n"
_EPOCH_NS = 1_700_000_000 * 10**9


class Box:
    """ROOT/input is what is read, ROOT/output where a reader may write; a file lies beside them for `strays`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.input, self.output = root / "input", root / "output"
        self._canary = root / "canary"
        self._lying: dict[str, Content] = {}
        self._ticks = count()
        root.mkdir(parents=True, exist_ok=True)
        self._canary.write_bytes(_CANARY)

    def place(self, files: Files) -> None:
        """Makes `input` hold these files alone, each changed when no earlier one was; empties `output`."""
        if self.output.exists():
            shutil.rmtree(self.output)
        self.output.mkdir()
        for name in self._strangers(files):
            _remove(self.input / name)
        self.input.mkdir(exist_ok=True)
        for name, content in files.items():
            if self._lying.get(name) is not content:
                path = self.input / name
                lay(path, content)
                now = _EPOCH_NS + 10**7 * next(self._ticks)
                os.utime(path, ns=(now, now), follow_symlinks=False)
        self._lying = dict(files)

    def strays(self) -> list[str]:
        """What has changed around the two folders since the last look."""
        found = sorted(set(os.listdir(self.root)) - {"input", "output", "canary"})  # noqa: PTH208 (names alone)
        for name in found:
            _remove(self.root / name)
        if not self._canary.is_file() or self._canary.read_bytes() != _CANARY:
            found.append("canary")
            _remove(self._canary)
            self._canary.write_bytes(_CANARY)
        return found

    def forget(self) -> None:
        """Takes nothing for granted that lies in `input`: a reader has written there."""
        self._lying = {}

    def _strangers(self, files: Files) -> list[str]:
        """What lies in `input` and is not as it shall be, the deepest first."""
        if not self.input.is_dir():
            return []
        found = []
        for folder, names, others in os.walk(self.input, topdown=False):
            below = Path(folder).relative_to(self.input)
            for name in (*others, *names):
                place = (below / name).as_posix()
                wanted = self._lying.get(place)
                is_folder_of_some = name in names and any(other.startswith(place + "/") for other in files)
                if not is_folder_of_some and (wanted is None or files.get(place) is not wanted):
                    found.append(place)
        return found


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
