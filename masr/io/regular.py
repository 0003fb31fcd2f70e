"""Files that end: nothing else is opened, for a pipe may never speak and a device never stop."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
}


def open_regular(path: Path) -> BinaryIO:
    """The file's bytes; OSError, at once, where there is none, or something else lies there or behind its links."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe opens without its writer
    except ValueError:
        raise OSError(errno.EINVAL, "no file can have this name") from None
    kind = stat.S_IFMT(os.fstat(descriptor).st_mode)
    if kind != stat.S_IFREG:
        os.close(descriptor)
        raise OSError(errno.EINVAL, f"not a file but {_KINDS.get(kind, 'something else')}")
    return open(descriptor, "rb")  # noqa: PTH123 (a descriptor has no path)


def read_regular(path: Path) -> bytes:
    """All bytes of a file; OSError as `open_regular`."""
    with open_regular(path) as stream:
        return stream.read()
