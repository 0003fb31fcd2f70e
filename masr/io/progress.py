"""A progress bar with its ETA on anything long; silent for what ends within a second."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


def track(items: Iterable[T], title: str, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """`items` one by one, with a bar on standard error after the first second.

    On a terminal the bar moves in place; in a log it is one line every 10 seconds.
    """
    from tqdm import tqdm

    if total is None and isinstance(items, Sized):
        total = len(items)
    on_screen = sys.stderr.isatty()
    yield from tqdm(
        items,
        desc=title,
        total=total,
        unit=unit,
        delay=1,
        leave=False,
        mininterval=0.2 if on_screen else 10,
        ascii=not on_screen,
        dynamic_ncols=on_screen,
        file=sys.stderr,
    )


@contextmanager
def clock(title: str) -> Iterator[None]:
    """Seconds passing on standard error, for a call that cannot say how far it is."""
    done = threading.Event()

    def ticks() -> Iterator[None]:
        while not done.wait(0.5):
            yield

    def run() -> None:
        from tqdm import tqdm

        interval = 0.2 if sys.stderr.isatty() else 10
        shape = "{desc}: {elapsed}"
        for _ in tqdm(ticks(), title, bar_format=shape, delay=1, leave=False, mininterval=interval, file=sys.stderr):
            pass

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
