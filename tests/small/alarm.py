"""What must end: a call that would run for ever fails the test instead of holding up all others."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LONGEST_SEC = 300
"""No test comes near it, on a loaded machine either."""


@contextmanager
def ends() -> Iterator[None]:
    """AssertionError where what stands below does not end."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"it had not ended after {LONGEST_SEC} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(LONGEST_SEC)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
