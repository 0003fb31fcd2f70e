"""What lies at a path and is no file, and text that calls itself JSON: refused before it is read."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from typing import Any

_OPEN_PIPES = ("/dev/fd/", "/dev/stdin", "/proc/self/fd/")
"""What a shell names in place of a file, `<(zcat ref.gz)`: somebody writes into it already."""
_KINDS = {
    stat.S_IFIFO: "is a FIFO, which hangs until somebody writes into it",
    stat.S_IFCHR: "is a device, which may never end",
    stat.S_IFBLK: "is a disk",
    stat.S_IFSOCK: "is a socket",
}


def ordinary(path: str | os.PathLike[str]) -> Path:
    """The path, ready to be opened; OSError where something other than a file lies there, or nothing can."""
    if not can_be_named(str(path)):
        raise FileNotFoundError(errno.ENOENT, "no file can have such a name", str(path))
    mode = Path(path).stat().st_mode
    kind = _KINDS.get(stat.S_IFMT(mode))
    if kind and not (stat.S_ISFIFO(mode) and str(path).startswith(_OPEN_PIPES)):
        raise OSError(errno.ENXIO, f"{kind}; give a file", str(path))
    return Path(path)


def can_be_named(name: str) -> bool:
    """Whether a file could have this name: it holds no NUL, and no half of a character."""
    try:
        return b"\0" not in os.fsencode(name)
    except UnicodeEncodeError:
        return False


def parse_json(text: str | bytes | bytearray) -> Any:
    """What the text holds; ValueError where it is no JSON, or is nested deeper than anything masr writes."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
