"""Work in pieces, each by a thread: numpy lets go of the interpreter while it sorts, takes and computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Found = TypeVar("Found")
_MOST = 8


def each(work: Callable[[Piece], Found], pieces: Iterable[Piece]) -> list[Found]:
    """What the work makes of each piece, in their order; the first error ends it."""
    with ThreadPoolExecutor(_MOST) as pool:
        return list(pool.map(work, pieces))
