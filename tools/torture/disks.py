"""What only some machines have: a disk of a few kilobytes, which root mounts, and a clock that can be set."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torture.folders import replace

_PAGE = 4096


class NotHereError(Exception):
    """What is missing on this machine."""


def occupied(folder: Path) -> int:
    """Bytes of the disk that a folder with all in it takes."""
    return sum(_PAGE + -(-path.stat().st_size // _PAGE) * _PAGE for path in folder.rglob("*"))


@contextmanager
def small_disk(folder: Path, num_bytes: int, start: Path | None) -> Iterator[None]:
    """`folder` is a disk of so many bytes, which begins as a copy of `start`; NotHereError where none can be."""
    if os.geteuid() != 0:
        raise NotHereError("a small disk is a tmpfs, which only root mounts")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    size = (2 + -(-num_bytes // _PAGE)) * _PAGE
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise NotHereError(f"a small disk is a tmpfs, and none can be mounted: {done.stderr.strip()}")
    try:
        if start is not None:
            shutil.copytree(start, folder, symlinks=True, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        replace(folder, None)


def clock(file: Path) -> dict[str, str]:
    """An environment whose clock is as far off as the file says, `-2d`, and may change; its processes see no other.

    NotHereError where libfaketime is missing.
    """
    faketime = shutil.which("faketime")
    if faketime is None:
        raise NotHereError("a clock that is set back needs faketime: apt-get install faketime")
    library = subprocess.run(
        [faketime, "-f", "+0", "printenv", "LD_PRELOAD"], capture_output=True, text=True, check=True
    )
    return {
        **os.environ,
        "LD_PRELOAD": library.stdout.strip(),
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
