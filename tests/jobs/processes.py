"""What tests ask of processes that they have started."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

LONGEST_SEC = 300.0
"""How long a test waits for what has to come; a loaded machine is no fault."""


def wait_for(ready: Callable[[], object]) -> None:
    deadline = time.monotonic() + LONGEST_SEC
    while not ready():
        if time.monotonic() > deadline:
            pytest.fail("waited in vain")
        time.sleep(0.025)


def wait_for_text(path: Path, text: str) -> None:
    wait_for(lambda: path.exists() and text in path.read_text())


def alive(pid: int) -> bool:
    """Whether it runs; what has ended and whose parent has not asked yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def marked(mark: str) -> set[int]:
    """The processes that run with this word in their environment, in whatever session and below whatever parent."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            pid = int(folder.name)
            if pid != os.getpid() and mark.encode() in (folder / "environ").read_bytes() and alive(pid):
                found.add(pid)
    return found
