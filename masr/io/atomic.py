"""Writes that are whole or not there: a temporary name beside the target, then a rename."""

from __future__ import annotations

import os
import secrets
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
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        with by_umask(temporary):
            yield temporary
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
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


def _flush(path: Path) -> None:
    """Ask the disk to hold it, so that a power cut cannot leave an empty file under a good name."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
