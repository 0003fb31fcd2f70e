"""A progress bar with its ETA on anything long; silent for what ends within a second."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sized
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
