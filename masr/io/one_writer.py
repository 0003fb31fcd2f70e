"""One process at a time makes what lies in a folder.

Stages and tasks of tables have locks of their own (masr/jobs/locks.py), and so has a training, whose readers may
outlive it (masr/training/lock.py). This one is for verbs that are run by hand as well, and for their worker processes:
they inherit it, so that a folder which a killed run's workers still write to is not free.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from masr.errors import MasrError


@contextmanager
def only_writer(lock: Path, busy: MasrError) -> Iterator[None]:
    """Holds the file `lock` until the block ends or the process dies; `busy` is raised where another holds it."""
    with lock.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise busy from None
        yield
