"""What a scheduler says before it takes the machine away."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any

from masr.training.distributed import World, any_rank


class Stop:
    """Remembers SIGTERM and SIGUSR1 until the step in hand is done."""

    def __init__(self) -> None:
        self.seen = False
        self.before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Stop:
        if threading.current_thread() is threading.main_thread():  # nothing else may set handlers
            self.before = {s: signal.signal(s, self.note) for s in (signal.SIGTERM, signal.SIGUSR1)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 (signal's own signature)
        """Called by the signal; training looks at `asked` between steps."""
        self.seen = True

    def asked(self, world: World) -> bool:
        """Whether any rank was told to stop: all of them then save and leave together."""
        return any_rank(self.seen, world)
