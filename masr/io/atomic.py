"""Writes that are whole or not there: a temporary name beside the target, then a rename. Standard library alone.

What a killed process leaves under a temporary name goes when a process of the same machine next writes to its folder.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from stat import S_IMODE
from typing import IO
from zlib import crc32

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_TEMPORARY = re.compile(r"\..+\.(?P<machine>[0-9a-f]{8})-(?P<process>\d+)\.[0-9a-f]{8}\.tmp", re.DOTALL)


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A temporary path to write to; it takes the name `path` only when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        with by_umask(temporary):
            yield temporary
        flush(temporary)
        temporary.replace(path)
        flush(path.parent)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _FULL and error.filename is None:  # it does not say of what
            error.filename = str(path)
        raise


@contextmanager
def by_umask(path: Path) -> Iterator[None]:
    """What the block puts at `path`, a new file, may be read by whom the umask lets.

    Libraries have modes of their own: safetensors gives a file to its owner alone, and a group could not share a run.
    """
    path.touch()
    mode = S_IMODE(path.stat().st_mode)
    path.unlink()
    yield
    if S_IMODE(path.stat().st_mode) != mode:
        path.chmod(mode)


@contextmanager
def atomic_open(path: Path, mode: str = "w") -> Iterator[IO[str]]:
    """A text file that appears whole or not at all."""
    with atomic_path(path) as temporary, temporary.open(mode, encoding="utf-8", newline="\n") as stream:
        yield stream


def atomic_write(path: Path, content: str | bytes) -> None:
    """Write `content` so that a reader sees the old file or the new one, never a half."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def temporary_name(path: Path) -> Path:
    """A hidden name beside `path` that no other process uses, for what is to become it."""
    remove_left_behind(path.parent.absolute())
    return path.with_name(f".{path.name}.{machine()}-{os.getpid()}.{os.urandom(4).hex()}.tmp")


@cache
def remove_left_behind(folder: Path) -> None:
    """Removes what has the temporary name of a process of this machine that has ended; once in each folder."""
    with suppress(OSError):  # no folder yet, or one that may not be looked into
        for entry in os.scandir(folder):
            found = _TEMPORARY.fullmatch(entry.name)
            if found and found["machine"] == machine() and not Path("/proc", found["process"]).exists():
                if entry.is_dir(follow_symlinks=False):
                    shutil.rmtree(entry.path, ignore_errors=True)
                else:
                    Path(entry.path).unlink(missing_ok=True)


@cache
def machine() -> str:
    """8 digits that are the same for processes which see each other's numbers: one host, and one container of it."""
    try:
        space = Path("/proc/self/ns/pid").stat().st_ino
    except OSError:
        space = 0
    return f"{crc32(f'{socket.gethostname()} {space}'.encode()):08x}"


def replace_folder(new: Path, folder: Path, retired: Path) -> None:
    """The folder `new` takes the name `folder`; what had it before is deleted after that, by the name `retired`."""
    shutil.rmtree(retired, ignore_errors=True)
    if folder.exists():
        folder.rename(retired)
    new.rename(folder)
    shutil.rmtree(retired, ignore_errors=True)


def reserve(path: Path) -> None:
    """Asks the disk for all that a file says it holds; OSError where that is not there.

    A file that is mapped has holes, and to fill one of them on a full disk ends the process by SIGBUS, without a word.
    """
    with path.open("r+b") as stream:
        try:
            os.posix_fallocate(stream.fileno(), 0, os.fstat(stream.fileno()).st_size)
        except OSError as error:
            if error.errno in _FULL:
                raise


def flush(path: Path) -> None:
    """Asks the disk to hold a file or a folder, so that a power cut cannot leave an empty one under a good name.

    An OSError of a disk that is full comes through; a folder that cannot be opened, or a file system that knows no such
    request, is let be.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno in (*_FULL, errno.EIO):
            raise
    finally:
        os.close(descriptor)
