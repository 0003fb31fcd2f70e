"""One line that says how far a job array is: moving on a terminal, now and then in a log."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable

EVERY_SEC = 10.0
QUIET_SEC = 1.0


class Progress:
    """Nothing in the first second, and no more often than a reader can follow."""

    def __init__(self, every_sec: float = EVERY_SEC) -> None:
        self.on_screen = sys.stderr.isatty()
        self.every_sec = every_sec
        self.started = self.shown = time.monotonic()
        self.width = 0
        self.last = ""

    def show(self, line: Callable[[], str]) -> None:
        """The line as it is now, where it is due."""
        now = time.monotonic()
        if now - self.started < QUIET_SEC or (not self.on_screen and now - self.shown < self.every_sec):
            return
        self.shown = now
        if not self.on_screen:
            self.last = line()
            print(self.last, file=sys.stderr, flush=True)
            return
        text = line()[: shutil.get_terminal_size().columns - 1]
        print(f"\r{text:<{self.width}}", end="", file=sys.stderr, flush=True)
        self.width = len(text)

    def end(self, line: Callable[[], str]) -> None:
        """The last count, where there was one before it and it has not been said just now."""
        self.clear()
        text = line()
        if time.monotonic() - self.started >= QUIET_SEC and text != self.last:
            print(text, file=sys.stderr, flush=True)

    def say(self, line: str) -> None:
        """A line that stays."""
        self.clear()
        print(line, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leaves the line free for other words."""
        if self.width:
            print("\r" + " " * self.width + "\r", end="", file=sys.stderr, flush=True)
            self.width = 0

    def clock(self) -> str:
        """Minutes and seconds since the start."""
        minutes, seconds = divmod(round(time.monotonic() - self.started), 60)
        return f"{minutes}:{seconds:02d}"
