"""A disk of a few kilobytes at a folder: a tmpfs, which only root may mount."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from torture.folders import replace

_PAGE = 4096


class NoDiskError(Exception):
    """Why none can be mounted here."""


def occupied(folder: Path) -> int:
    """Bytes of the disk that a folder with all in it takes."""
    return sum(_PAGE + -(-path.stat().st_size // _PAGE) * _PAGE for path in folder.rglob("*"))


@contextmanager
def small_disk(folder: Path, num_bytes: int, start: Path | None) -> Iterator[None]:
    """`folder` is a disk of so many bytes, which begins as a copy of `start`; NoDiskError where nobody may mount one."""
    if os.geteuid() != 0:
        raise NoDiskError("a small disk is a tmpfs, which only root mounts")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    size = (2 + -(-num_bytes // _PAGE)) * _PAGE
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise NoDiskError(f"a small disk is a tmpfs, and none can be mounted: {done.stderr.strip()}")
    try:
        if start is not None:
            shutil.copytree(start, folder, symlinks=True, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
        replace(folder, None)
