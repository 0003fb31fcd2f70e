"""The rules of wav.scp, feats.scp and other scp tables: what a row points at is there."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from masr.io.checksums import damaged_offsets
from masr.io.datadir.lines import BLANKS, shown
from masr.io.datadir.report import Checks
from masr.io.datadir.rules import TableCheck
from masr.io.elsewhere import is_elsewhere
from masr.io.inside import inside

_ENTRY = re.compile(rb"(.+):(\d{1,18})(?:\[[0-9:,]*\])?", re.DOTALL)
_RANGE = re.compile(rb"\[[0-9:,]*\]$")
_LIST_AFTER = 16


class Files:
    """Answers whether files exist, a folder at a time: listing a folder once beats asking for each of its files."""

    def __init__(self, folder: Path) -> None:
        recipe = Path(folder).absolute().parent.parent
        self.roots = [b""] if recipe == Path.cwd() else [b"", os.fsencode(recipe) + b"/"]
        self._sizes: dict[bytes, int] = {}
        self._listed: dict[bytes, frozenset[bytes]] = {}
        self._asked: dict[bytes, int] = {}
        self._damaged: dict[bytes, dict[int, str]] = {}

    def exists(self, path: bytes) -> bool:
        """Whether there is a file of this path."""
        head, slash, name = path.rpartition(b"/")
        parent = head or slash or b"."
        listed = self._listed.get(parent)
        if listed is not None:
            return name in listed or self.size(path) >= 0
        asked = self._asked[parent] = self._asked.get(parent, 0) + 1
        if asked >= _LIST_AFTER:
            self._listed[parent] = _files_in(parent)
        return self.size(path) >= 0

    def found(self, path: bytes) -> bytes | None:
        """The path as it can be opened from here; None where there is no file of it."""
        return next((root + path for root in self.roots if _size(root + path) >= 0), None)

    def damaged(self, path: bytes) -> dict[int, str]:
        """Where values of an archive begin that are not what was written -> what is to be said of each."""
        if path not in self._damaged:
            self._damaged[path] = {}
            archive = self.found(path)
            if archive is not None:
                self._damaged[path] = damaged_offsets(Path(os.fsdecode(archive)))
        return self._damaged[path]

    def size(self, path: bytes) -> int:
        """Bytes of a file, -1 where there is none."""
        num_bytes = self._sizes.get(path)
        if num_bytes is None:
            num_bytes = next((size for root in self.roots if (size := _size(root + path)) >= 0), -1)
            if len(self._sizes) < 100_000:
                self._sizes[path] = num_bytes
        return num_bytes


def check_paths(table: TableCheck, files: Files) -> None:
    """Reports pipes, tildes, missing files and offsets past the end of an archive."""
    for low, high in table.lines.blocks():
        block = table.lines.data[int(table.lines.starts[low]) : int(table.lines.starts[high])]
        for row, line in enumerate(block.split(b"\n")[: high - low], start=low):
            parts = line.split(None, 1)
            problem = _problem(parts[1].rstrip(BLANKS), table.checks, files) if len(parts) == 2 else None
            if problem:
                table.report.add(table.name, row + 1, *problem)


def _problem(value: bytes, checks: Checks, files: Files) -> tuple[str, str] | None:
    """The rule that an entry breaks, and how."""
    if value[-1:] == b"|" or value[:1] == b"|":
        return None if checks.pipes else ("pipe", f"read through a command: {shown(value)}")
    if value[:1] == b"~":
        return ("tilde", f"{shown(value)} begins with a tilde")
    return (_absence(value, files) if checks.files else None) or (_damage(value, files) if checks.full else None)


def _absence(value: bytes, files: Files) -> tuple[str, str] | None:
    """The rule and the sentence for a path, `archive:offset` or `archive:offset[rows]` that points at nothing."""
    if b".tar:" in value or b"://" in value:
        entry = os.fsdecode(value)
        if is_elsewhere(entry):
            return None  # nothing is fetched
        part = inside(entry)
        if part is not None:
            archive, end = os.fsencode(part.archive), part.first + part.size
            size = files.size(archive)
            if size < 0:
                return ("missing-file", f"{shown(archive)} does not exist")
            return (
                None if end <= size else ("archive-offset", f"byte {end} of {shown(archive)}, which has {size} bytes")
            )
    if value[-1:] == b"]":
        value = _RANGE.sub(b"", value)
    path, colon, offset = value.rpartition(b":")
    if colon and offset.isdigit():
        size = files.size(path)
        if size > int(offset[:20]):
            return None
        if size >= 0:
            return ("archive-offset", f"byte {shown(offset)} of {shown(path)}, which has {size} bytes")
    return None if files.exists(value) else ("missing-file", f"{shown(value)} does not exist")


def _damage(value: bytes, files: Files) -> tuple[str, str] | None:
    """The rule and the sentence for `archive:offset` whose bytes are not what was written there."""
    found = _ENTRY.fullmatch(value)
    if found is None:
        return None
    what = files.damaged(found[1]).get(int(found[2]))
    return None if what is None else ("damaged-archive", what)


def _size(path: bytes) -> int:
    try:
        state = os.stat(path)  # noqa: PTH116 - a Path for each of a million entries costs more than the call
    except (OSError, ValueError):
        return -1
    return -1 if stat.S_ISDIR(state.st_mode) else state.st_size


def _files_in(folder: bytes) -> frozenset[bytes]:
    """Names of the plain files; links are left to be asked for one by one."""
    try:
        with os.scandir(folder) as entries:
            return frozenset(entry.name for entry in entries if entry.is_file(follow_symlinks=False))
    except (OSError, ValueError):
        return frozenset()
