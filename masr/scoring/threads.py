"""Work in pieces, each by a thread: numpy lets go of the interpreter while it sorts, takes and computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Piece = TypeVar("Piece")
Found = TypeVar("Found")
_MOST = 8
_WORTH_CELLS = 1 << 23
"""With fewer cells in all, threads cost more than they save."""


def each(work: Callable[[Piece], Found], pieces: Iterable[Piece], num_cells: int) -> list[Found]:
    """What the work makes of each piece, in their order; the first error ends it."""
    if num_cells < _WORTH_CELLS:
        return list(map(work, pieces))
    with ThreadPoolExecutor(_MOST) as pool:
        return list(pool.map(work, pieces))
