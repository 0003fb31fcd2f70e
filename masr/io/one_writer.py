"""One run at a time makes what lies in a folder.

Stages and tasks of tables have locks of their own (masr/jobs/locks.py), and so has a training, whose readers may
outlive it (masr/training/lock.py). These are for verbs that are run by hand as well, and for their worker processes:
they inherit a lock, so that a folder which a killed run's workers still write to is not free.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from masr.errors import BusyError, MasrError
from masr.types import JobSlice

_ALL = JobSlice(1, 1)
_UNKNOWN = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""What file systems answer that have no locks."""


@contextmanager
def only_writer(lock: Path, busy: MasrError, is_shared: bool = False) -> Iterator[None]:
    """Holds the file `lock` until the block ends or the process dies; `busy` is raised where another holds it.

    With `is_shared` others that share may hold it too. Who holds it alone may remove it in the end.
    """
    while True:
        try:
            opened = lock.open("w")
        except FileNotFoundError:  # its folder, which the one before has just removed
            raise busy from None
        with opened as stream:
            try:
                fcntl.flock(stream, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
            except BlockingIOError:
                raise busy from None
            except OSError as error:
                if error.errno not in _UNKNOWN:
                    raise
            if _is_named(lock, stream.fileno()):
                yield
                return


def _is_named(path: Path, descriptor: int) -> bool:
    """Whether the path still names this very file: who held it before may have removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def writing(folder: Path, verb: str, part: JobSlice = _ALL) -> Iterator[None]:
    """Holds for one run of a verb the folder that it writes to; BusyError where another run has it.

    Jobs of an array write to it side by side, each of them once; what joins them, or does all, is alone. A folder that
    was made here goes again where nothing came into it.
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    busy = BusyError(
        f"{folder}: another run of `masr {verb}` is at work here",
        why="two at once would each overwrite a part of what the other writes",
        fix="wait for it or stop it (fuser -v shows its processes), or name another folder",
    )
    lock = folder / f".{verb}.lock"
    with only_writer(lock, busy, is_shared=not part.is_merged):
        if part.is_merged:
            try:
                yield
            finally:
                for left in (lock, *folder.glob(f".{verb}.*.lock")):  # those of jobs too, of which none is at work
                    left.unlink(missing_ok=True)
                if is_new:
                    with suppress(OSError):  # something lies in it
                        folder.rmdir()
            return
        with only_writer(folder / f".{verb}.{part.job}.lock", busy):
            yield
