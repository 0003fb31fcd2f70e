"""One process at a time writes into a run's folder."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from masr.errors import TrainingError
from masr.training.distributed import World, together

_LOCK = ".lock"


@contextmanager
def hold(folder: Path, world: World) -> Iterator[None]:
    """Keeps the folder for this run until the block ends or the process dies, however it dies.

    A record lock, not flock: the processes that read data ahead inherit an flock, and would hold it for some seconds
    after a kill -9 of the one that trains.
    """
    descriptor = -1
    with together(world):
        if world.is_first:
            descriptor = _take(folder)
    try:
        yield
    finally:
        if descriptor >= 0:
            os.close(descriptor)


def _take(folder: Path) -> int:
    path = folder / _LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise TrainingError(f"{path}: cannot be written: {error.strerror}", fix="give another output folder") from None
    try:
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.read(descriptor, 200).decode(errors="replace").strip() or "another process"
        os.close(descriptor)
        raise TrainingError(
            f"{folder}: {owner} is training here",
            why="two runs in one folder would overwrite each other's checkpoints",
            fix="wait for it or stop it, or give another output folder",
        ) from None
    os.truncate(descriptor, 0)
    os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode())
    return descriptor
