"""What a process was told by signals: noted when they come, and acted on when nothing is half done."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

REQUEUE = 75
"""Exit code of a job that was told to stop, has saved its work and wants to be started again (EX_TEMPFAIL)."""
ECHO_SEC = 1.0
"""A cluster signals every process of a job, and each hands it on: for so long a signal is one that came before."""
STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_Handler = Callable[[int, FrameType | None], object] | int | None


class Signals:
    """Signals that came inside its `with` block: those that ask to stop, and `more`."""

    def __init__(self, *more: signal.Signals) -> None:
        self.watched = (*STOP, *more)
        self.noted: list[int] = []
        """All of them but SIGCHLD, in order."""
        self.first: int | None = None
        """The first that asks to stop: SIGINT, SIGTERM, or SIGHUP, which a caller's death sends too."""
        self.hurry = False
        """A second Ctrl-C came, or another SIGTERM that is no echo: whatever is at work is to be killed."""
        self._asked_at = 0.0

    def __enter__(self) -> Signals:
        self._wake, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._waker_before = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._before: dict[signal.Signals, _Handler] = {
            number: signal.signal(number, self._note) for number in self.watched
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        signal.set_wakeup_fd(self._waker_before)
        os.close(self._wake)
        os.close(self._waker)

    def wait(self, timeout_sec: float | None = None) -> None:
        """Until a signal comes; at once where one has come since the last call. SIGCHLD is the end of a child."""
        select.select([self._wake], [], [], timeout_sec)
        with suppress(BlockingIOError):
            os.read(self._wake, 4096)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        if number != signal.SIGCHLD:
            self.noted.append(number)
        if number not in STOP:
            return
        if self.first is None:
            self.first, self._asked_at = number, time.monotonic()
        elif number == signal.SIGINT or (number == signal.SIGTERM and time.monotonic() - self._asked_at > ECHO_SEC):
            self.hurry = True
