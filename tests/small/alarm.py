"""What must end: a call that would run for ever fails the test instead of holding up all others."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


@contextmanager
def ends_within(seconds: int = 20) -> Iterator[None]:
    """AssertionError where what stands below takes longer."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"it had not ended after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
