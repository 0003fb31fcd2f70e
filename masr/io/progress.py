"""A progress bar with its ETA on anything long; silent for what ends within a second."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from typing import TextIO, TypeVar

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
def clock(title: str) -> Iterator[Callable[[str], None]]:
    """Seconds passing on standard error, after the first; what is called with a text puts that in the title's place."""
    done = threading.Event()
    said = [title]

    def ticks() -> Iterator[None]:
        while not done.wait(0.5):
            yield

    def run() -> None:
        from tqdm import tqdm

        interval = 0.2 if sys.stderr.isatty() else 10
        shape = "{desc}: {elapsed}"
        bar = tqdm(ticks(), title, bar_format=shape, delay=1, leave=False, mininterval=interval, file=sys.stderr)
        for _ in bar:
            bar.set_description_str(said[-1], refresh=False)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield said.append
    finally:
        done.set()
        thread.join()


def show(text: str, stream: TextIO | None = None) -> None:
    """Prints a line, to standard output if no stream is given, above a bar where one is on the screen."""
    stream = sys.stdout if stream is None else stream
    if sys.stderr.isatty():
        from tqdm import tqdm

        tqdm.write(text, file=stream)
    else:  # a log has a line of the bar now and then, which need not make room
        stream.write(text + "\n")
    stream.flush()
