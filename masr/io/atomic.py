"""Writes that are whole or not there: a temporary name beside the target, then a rename. Standard library alone."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE
from typing import IO


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
    except BaseException:
        temporary.unlink(missing_ok=True)
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
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")


def replace_folder(new: Path, folder: Path, retired: Path) -> None:
    """The folder `new` takes the name `folder`; what had it before is deleted after that, by the name `retired`."""
    shutil.rmtree(retired, ignore_errors=True)
    if folder.exists():
        folder.rename(retired)
    new.rename(folder)
    shutil.rmtree(retired, ignore_errors=True)


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
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise
    finally:
        os.close(descriptor)
