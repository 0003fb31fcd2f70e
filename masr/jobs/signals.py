"""What a process was told by signals: noted when they come, and acted on when nothing is half done."""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

REQUEUE = 75
"""Exit code of a job that was told to stop, has saved its work and wants to be started again (EX_TEMPFAIL)."""
ECHO_SEC = 1.0
"""A cluster signals every process of a job, and each hands it on: for so long a signal is one that came before."""
STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_TORCHRUN = "TORCHELASTIC_RUN_ID"

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


class Stop:
    """Remembers inside its `with` block that the process was told to stop, by a scheduler or by Ctrl-C.

    Whoever works looks at `seen` when nothing is half done. A second Ctrl-C ends the process at once.
    """

    def __init__(self) -> None:
        self.seen = False
        self._interrupted_at: float | None = None
        self._before: dict[signal.Signals, _Handler] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is not threading.main_thread():  # nothing else may set handlers
            return self
        watched = [signal.SIGTERM, signal.SIGUSR1]
        if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # as a shell starts what is not for the terminal
            watched.append(signal.SIGINT)
        self._before = {number: signal.signal(number, self._note) for number in watched}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        self.seen = True
        if number != signal.SIGINT:
            return
        now = time.monotonic()
        if self._interrupted_at is None:
            self._interrupted_at = now
            _say("interrupted: what is done is saved after the step in hand; Ctrl-C again leaves at once, unsaved")
        elif _TORCHRUN not in os.environ or now - self._interrupted_at > ECHO_SEC:  # torchrun hands it on a second time
            _say("interrupted again: left at once; the same command goes on from the newest checkpoint")
            os._exit(128 + signal.SIGINT)


def _say(what: str) -> None:
    """One line on standard error, whatever Python is in the middle of printing."""
    with suppress(OSError):
        os.write(2, f"\nmasr: {what}\n".encode())
