"""Arrays that the ranks of one machine have in common: one of them makes them, the others see the same memory.

Which utterances stand in which step is known to every rank, and takes memory as the corpus does. The memory has no name
(memfd), so that nothing is left of it however the ranks end, and /dev/shm, which is small in containers, does not bound
it. Where ranks cannot see each other's memory each of them makes the arrays for itself.
"""

from __future__ import annotations

import mmap
import os
import secrets
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from masr.data.sharing import Arrays, Make
from masr.io.atomic import machine
from masr.training.distributed import World, gathered, together

_APART = 64
"""Bytes that the beginning of an array is a multiple of."""


class _Place(NamedTuple):
    """Where arrays lie one after another: an open file of a process; the type and the length of each."""

    process: int
    descriptor: int
    name: str
    """Of the file, which no other has: on another machine the same numbers mean something else."""
    kinds: list[tuple[str, int]]


class OnMachine:
    """The ranks that see each other's processes."""

    def __init__(self, world: World) -> None:
        self.world = world
        machines = gathered(machine(), world)
        self.first = machines.index(machine())
        """The rank that makes what this one sees."""
        self.is_alone = machines.count(machine()) == 1

    def __call__(self, make: Make) -> Arrays:
        """What `make` gives, arrays of one dimension that may not be written to; made by one rank of each machine.

        Every rank calls at the same time. A rank that has died meanwhile is an error in the others.
        """
        made: Arrays | None = None
        place: _Place | None = None
        with together(self.world):
            if self.world.rank == self.first:
                made = make()
                if not self.is_alone:
                    made, place = _put(made)
        shown = gathered(place, self.world)[self.first]
        with together(self.world):  # by then all have seen it
            found = made or _seen(shown) or make()
        if place is not None:
            os.close(place.descriptor)
        return found


def _put(arrays: Arrays) -> tuple[Arrays, _Place | None]:
    """The arrays in memory that others can see; as they are, where there is none."""
    kinds = [(array.dtype.str, len(array)) for array in arrays]
    name = f"masr-{secrets.token_hex(8)}"
    try:
        descriptor = os.memfd_create(name)
    except (AttributeError, OSError):  # another system than Linux, or none of this kind is left
        return arrays, None
    try:
        os.posix_fallocate(descriptor, 0, max(1, _places(kinds)[-1]))  # else memory that is short would end the process
    except OSError:
        os.close(descriptor)
        return arrays, None
    found = _views(mmap.mmap(descriptor, 0), kinds)
    for view, array in zip(found, arrays, strict=True):
        view[...] = array
        view.flags.writeable = False
    return found, _Place(os.getpid(), descriptor, name, kinds)


def _seen(place: _Place | None) -> Arrays | None:
    """The arrays that another process has put there; None where it cannot be looked into."""
    if place is None:
        return None
    path = Path(f"/proc/{place.process}/fd/{place.descriptor}")
    try:
        if place.name not in str(path.readlink()):
            return None
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return _views(mmap.mmap(descriptor, 0, prot=mmap.PROT_READ), place.kinds)
    finally:
        os.close(descriptor)


def _views(memory: mmap.mmap, kinds: Sequence[tuple[str, int]]) -> list[np.ndarray[Any, Any]]:
    return [
        np.frombuffer(memory, kind, count, at) for (kind, count), at in zip(kinds, _places(kinds)[:-1], strict=True)
    ]


def _places(kinds: Sequence[tuple[str, int]]) -> list[int]:
    """Where each of such arrays begins, and where the last one ends."""
    sizes = [-(-np.dtype(kind).itemsize * count // _APART) * _APART for kind, count in kinds]
    return [*accumulate(sizes, initial=0)]
